//! Work units: every loop that an input can lengthen spends some, so that a call ends after a
//! number of steps that depends on its input alone, never on a clock.

use std::cell::Cell;

/// Units a call may spend unless it asks for less.
pub const DEFAULT_UNITS: u64 = 200_000;

/// What is left of a call's allowance.
pub struct Budget {
    left: Cell<u64>,
}

impl Budget {
    /// A fresh allowance.
    pub fn new(units: u64) -> Self {
        Self {
            left: Cell::new(units),
        }
    }

    /// Takes `units`; `None` once the allowance is gone.
    pub fn spend(&self, units: u64) -> Option<()> {
        let left = self.left.get();
        if left < units {
            self.left.set(0);
            return None;
        }
        self.left.set(left - units);
        Some(())
    }

    /// Runs `work` on an allowance of its own of at most `units`, and takes what it spent.
    pub fn within<T>(&self, units: u64, work: impl FnOnce(&Budget) -> Option<T>) -> Option<T> {
        let part = Budget::new(units.min(self.left.get()));
        let given = part.left.get();
        let result = work(&part);
        self.left.set(self.left.get() - (given - part.left.get()));
        result
    }

    /// Whether nothing is left.
    pub fn exhausted(&self) -> bool {
        self.left.get() == 0
    }
}
