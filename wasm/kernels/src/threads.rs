//! How threads meet: a published plan wakes the workers, a barrier separates kernels, a ticket
//! counter shares out tiles. Waiting spins for a short while and then parks.

use core::arch::wasm32::{memory_atomic_notify, memory_atomic_wait32};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// About 100 µs of polling: longer than a kernel's imbalance and than the host takes between two plans,
/// shorter than a time slice. Waking a thread that has parked takes some 50 µs.
const SPINS: u32 = 200_000;
/// Published as a plan's length to end the workers.
const STOP: u32 = u32::MAX;
/// Partial sums that a reduction may keep.
pub const PARTIALS: usize = 1024;

/// A word on a cache line of its own.
#[repr(C, align(64))]
struct Line(AtomicU32);

/// Shared by all threads; zero at first.
#[repr(C, align(64))]
pub struct Control {
    generation: Line,
    commands: Line,
    count: AtomicU32,
    times: AtomicU32,
    arrived: Line,
    phase: Line,
    ticket: Line,
    partials: [AtomicU32; PARTIALS],
}

unsafe fn wait_while(word: &AtomicU32, value: u32) {
    for _ in 0..SPINS {
        if word.load(SeqCst) != value {
            return;
        }
    }
    while word.load(SeqCst) == value {
        memory_atomic_wait32(word.as_ptr() as *mut i32, value as i32, -1);
    }
}

impl Control {
    pub unsafe fn publish(&self, commands: u32, count: u32, times: u32, threads: usize) {
        if threads == 1 {
            return;
        }
        self.commands.0.store(commands, SeqCst);
        self.count.store(count, SeqCst);
        self.times.store(times, SeqCst);
        self.generation.0.fetch_add(1, SeqCst);
        memory_atomic_notify(self.generation.0.as_ptr() as *mut i32, u32::MAX);
    }

    /// Waits for a plan later than `seen`; `None` means stop.
    pub unsafe fn next_plan(&self, seen: &mut u32) -> Option<(u32, u32, u32)> {
        wait_while(&self.generation.0, *seen);
        *seen = self.generation.0.load(SeqCst);
        let count = self.count.load(SeqCst);
        (count != STOP).then(|| (self.commands.0.load(SeqCst), count, self.times.load(SeqCst)))
    }

    pub unsafe fn stop(&self) {
        self.publish(0, STOP, 0, 2);
    }
}

/// What a kernel knows of the thread it runs on.
pub struct Context {
    pub thread: usize,
    pub threads: usize,
    pub scratch: *mut f32,
    pub control: *const Control,
}

impl Context {
    /// Waits for all threads; also takes the ticket counter back to 0.
    #[inline(never)]
    pub unsafe fn barrier(&self) {
        let control = &*self.control;
        if self.threads == 1 {
            control.ticket.0.store(0, SeqCst);
            return;
        }
        let phase = control.phase.0.load(SeqCst);
        if control.arrived.0.fetch_add(1, SeqCst) + 1 == self.threads as u32 {
            control.arrived.0.store(0, SeqCst);
            control.ticket.0.store(0, SeqCst);
            control.phase.0.store(phase.wrapping_add(1), SeqCst);
            memory_atomic_notify(control.phase.0.as_ptr() as *mut i32, u32::MAX);
        } else {
            wait_while(&control.phase.0, phase);
        }
    }

    /// The next tile that no thread has taken since the last barrier.
    #[inline(always)]
    pub unsafe fn ticket(&self) -> usize {
        (*self.control).ticket.0.fetch_add(1, SeqCst) as usize
    }

    /// This thread's part of `0..n`, in whole granules, so that no two threads share a cache line.
    #[inline(always)]
    pub fn part(&self, n: usize, granule: usize) -> (usize, usize) {
        let granules = n.div_ceil(granule);
        let from = granules * self.thread / self.threads * granule;
        let to = granules * (self.thread + 1) / self.threads * granule;
        (from.min(n), to.min(n))
    }

    pub unsafe fn set_partial(&self, index: usize, value: f32) {
        (*self.control).partials[index].store(value.to_bits(), SeqCst);
    }
    pub unsafe fn partial(&self, index: usize) -> f32 {
        f32::from_bits((*self.control).partials[index].load(SeqCst))
    }
}

/// Tickets of several jobs between two barriers, in their order: the next job's begin where the last one's end.
pub struct Tickets {
    held: Option<usize>,
    before: usize,
}

impl Tickets {
    pub fn new() -> Tickets {
        Tickets {
            held: None,
            before: 0,
        }
    }

    /// The next of this job's `count` tickets; after `None` comes the next job.
    pub unsafe fn next(&mut self, context: &Context, count: usize) -> Option<usize> {
        let ticket = self.held.take().unwrap_or_else(|| context.ticket());
        if ticket - self.before < count {
            return Some(ticket - self.before);
        }
        self.held = Some(ticket);
        self.before += count;
        None
    }
}
