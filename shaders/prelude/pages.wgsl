// Where a row's tokens are: in cells, PAGE of which are a page, by the table of the row's pages (Kwon et al. 2023).
// Needs `pages: array<u32>` and `params.width`, the entries of a row, in the kernel.
override PAGE: u32 = 16;

fn cell_of(row: u32, token: u32) -> u32 {
  return pages[row * params.width + token / PAGE] * PAGE + token % PAGE;
}

// The first token that is the row's own, after a prompt of so many.
fn first_own(prompt: u32) -> u32 {
  return (prompt + PAGE - 1u) / PAGE * PAGE;
}
