//! A cache of keys and values in pages (Kwon et al. 2023): which cell holds a row's token.

use crate::{Command, Context};

/// Cells of a page.
pub const PAGE: usize = 16;

/// A row that is not copied.
const IGNORED: u32 = u32::MAX;

/// A row of the page table: tokens t with t / PAGE = i are in the page that its entry i names.
#[derive(Clone, Copy)]
pub struct Row(*const u32);

impl Row {
    #[inline(always)]
    pub unsafe fn new(pages: *const u32, width: usize, row: usize) -> Self {
        Self(pages.add(row * width))
    }
    #[inline(always)]
    pub unsafe fn first(self) -> u32 {
        *self.0
    }
    #[inline(always)]
    pub unsafe fn cell(self, token: usize) -> usize {
        *self.0.add(token / PAGE) as usize * PAGE + token % PAGE
    }
}

/// Threads take rows: the cell of each row's last token, nowhere for a row that has ended.
pub unsafe fn find_cells(context: &Context, command: &Command) {
    let (pages, last): (*const u32, *const u32) = (command.tensor(0), command.tensor(1));
    let (left, cell): (*const u32, *mut u32) = (command.tensor(2), command.tensor(3));
    let (rows, width) = (command.size(0), command.size(1));
    let (from, to) = context.part(rows, 16);
    for row in from..to {
        *cell.add(row) = if *left.add(row) == 0 {
            IGNORED
        } else {
            Row::new(pages, width, row).cell(*last.add(row) as usize) as u32
        };
    }
}
