//! How a product is cut: its inner dimension into visits to the output, its output into tickets for
//! threads. Visits depend on the shape alone, since each ends in a rounding. Tickets depend on the
//! number of threads too, and change no bit.

/// Values of k between two visits, at most: a block of rows stays in the first-level cache.
pub const DEPTH: usize = 640;
/// The same where columns are not packed: what one block of rows has read, the next finds in the cache.
pub const SHALLOW: usize = 64;
/// Columns packed at a time, at most: a visit's stay in the second-level cache.
pub const WIDTH: usize = 256;
/// Fewer columns or rows than these are not worth a ticket.
const NARROW: usize = 32;
const LOW: usize = 96;

/// One visit to a block of outputs: values `k..k + depth` of the first product and `k2..` of the second.
#[derive(Clone, Copy)]
pub struct Visit {
    pub k: usize,
    pub depth: usize,
    pub k2: usize,
    pub depth2: usize,
}

/// The first product's k in equal parts, then the second's; the last of the one goes with the first of the other.
#[derive(Clone, Copy)]
pub struct Visits {
    k: usize,
    depth: usize,
    k2: usize,
    depth2: usize,
}

impl Visits {
    pub fn new(k: usize, k2: usize, depth: usize) -> Visits {
        let even = |k: usize| k.div_ceil(k.div_ceil(depth).max(1)).next_multiple_of(8);
        Visits {
            k,
            depth: even(k),
            k2,
            depth2: even(k2),
        }
    }

    fn first(&self) -> usize {
        self.k.div_ceil(self.depth.max(1)).max(1)
    }

    pub fn count(&self) -> usize {
        self.first() + self.k2.div_ceil(self.depth2.max(1)).max(1) - 1
    }

    pub fn at(&self, index: usize) -> Visit {
        let last = self.first() - 1;
        let k = (index * self.depth).min(self.k);
        let (k2, depth2) = if index < last {
            (0, 0)
        } else {
            let k2 = (index - last) * self.depth2;
            (k2, self.depth2.min(self.k2 - k2.min(self.k2)))
        };
        Visit {
            k,
            depth: self.depth.min(self.k - k),
            k2,
            depth2,
        }
    }
}

/// The output in strips of columns, each strip in pieces of rows: a piece is a ticket.
#[derive(Clone, Copy)]
pub struct Cut {
    pub width: usize,
    pub strips: usize,
    pub height: usize,
    pub pieces: usize,
    /// Packed columns survive from one piece of a strip to the next.
    pub keeps: bool,
}

impl Cut {
    /// The cheapest for an output of m × n whose columns have `deep` values, where a thread has `room` for them.
    ///
    /// In units of a value that is multiplied by 16 others: packing one costs half. Rows are packed for each
    /// strip; columns for each piece, or once by each thread that works on a strip, if they survive. The threads are
    /// done when the one with the most tickets is; a few percent are for what else the machine does.
    pub fn new((m, n): (usize, usize), deep: usize, room: usize, threads: usize) -> Cut {
        let fewest = n.div_ceil(WIDTH);
        if threads == 1 {
            return Cut::of((m, n), deep, room, (fewest, 1));
        }
        let mut best = Cut::of((m, n), deep, room, (fewest, 1));
        let mut least = f32::INFINITY;
        let most = fewest.max((fewest + 4 * threads).min(n.div_ceil(NARROW)));
        for strips in fewest..=most {
            let mut pieces = 1;
            while pieces == 1 || pieces <= m / LOW && pieces <= 8 * threads {
                let cut = Cut::of((m, n), deep, room, (strips, pieces));
                let cost = cut.cost((m, n), threads);
                if cost < least {
                    (best, least) = (cut, cost);
                }
                pieces *= 2;
            }
        }
        best
    }

    fn of((m, n): (usize, usize), deep: usize, room: usize, wanted: (usize, usize)) -> Cut {
        let width = n.div_ceil(wanted.0.max(1)).next_multiple_of(16);
        let height = m.div_ceil(wanted.1).next_multiple_of(6);
        Cut {
            width,
            strips: n.div_ceil(width),
            height,
            pieces: m.div_ceil(height),
            keeps: width * deep <= room,
        }
    }

    fn cost(&self, (m, n): (usize, usize), threads: usize) -> f32 {
        let copies = if self.keeps {
            self.pieces.min(threads)
        } else {
            self.pieces
        };
        let work = (m * n.div_ceil(16) * 2 + m * self.strips + n * copies) as f32;
        let tickets = self.strips * self.pieces;
        let rounds = tickets.div_ceil(threads) * threads;
        work * (rounds as f32 + 0.1 * threads as f32) / tickets as f32
    }
}
