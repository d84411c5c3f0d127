//! Matrix products: the four layouts differ in how rows are read and columns are packed. A low-rank
//! adapter is a second product into the same registers.

use crate::cut::{Visits, DEPTH, SHALLOW};
use crate::dots::{self, THIN};
use crate::drive::{drive, FEW, PACK_FLOATS};
use crate::few;
use crate::nf4::Nf4;
use crate::pack::Columns;
use crate::threads::Tickets;
use crate::tile::{BY_COLUMN, BY_ROW, PACKED, STRIDED};
use crate::{Command, Context};

/// c (=|+=) alpha · (a b + a2 b2); c is [m, n], or, with no more than FEW rows, written as [n, m].
pub struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: *const f32,
    pub a_stride: usize,
    pub b: Columns,
    /// What the data of b are codes of, if they are.
    pub nf4: Option<Nf4>,
    pub k2: usize,
    pub a2: *const f32,
    pub b2: Columns,
    pub c: *mut f32,
    pub alpha: f32,
    pub accumulate: bool,
    pub transposed: bool,
}

impl Product {
    /// c = a b, a by rows.
    #[inline(always)]
    pub fn single(
        (m, n, k): (usize, usize, usize),
        a: *const f32,
        b: Columns,
        c: *mut f32,
    ) -> Product {
        Product {
            m,
            n,
            k,
            a,
            a_stride: k,
            b,
            nf4: None,
            k2: 0,
            a2: a,
            b2: b,
            c,
            alpha: 1.0,
            accumulate: false,
            transposed: false,
        }
    }
}

pub unsafe fn nt(context: &Context, command: &Command) {
    let (m, n, k) = (command.size(0), command.size(1), command.size(2));
    plain(context, command, (m, n, k), true);
}

pub unsafe fn nn(context: &Context, command: &Command) {
    let (m, n, k) = (command.size(0), command.size(1), command.size(2));
    plain(context, command, (m, n, k), false);
}

unsafe fn plain(
    context: &Context,
    command: &Command,
    (m, n, k): (usize, usize, usize),
    by_column: bool,
) {
    let b = Columns {
        data: command.tensor(1),
        stride: if by_column { k } else { n },
        bf16: command.is_bf16(1),
        by_column,
    };
    let product = Product {
        nf4: command.nf4(1),
        alpha: command.float(3),
        accumulate: command.flag(4),
        ..Product::single((m, n, k), command.tensor(0), b, command.tensor(2))
    };
    rows_by_columns(context, &mut Tickets::new(), &product);
}

/// A product whose left factor lies by rows.
pub unsafe fn rows_by_columns(context: &Context, tickets: &mut Tickets, product: &Product) {
    let (m, n, k) = (product.m, product.n, product.k);
    let visits = Visits::new(k, 0, DEPTH);
    let plain = product.nf4.is_none() && !product.b.bf16;
    if n <= THIN && n * k <= PACK_FLOATS && product.nf4.is_none() {
        dots::thin(context, product);
    } else if few::fits(product) {
        few::few(context, tickets, product, visits);
    } else if m <= FEW && !product.b.by_column && plain {
        drive::<BY_ROW, STRIDED>(context, tickets, product, visits);
    } else {
        drive::<BY_ROW, PACKED>(context, tickets, product, visits);
    }
}

pub unsafe fn tn(context: &Context, command: &Command) {
    let size = (command.size(0), command.size(1), command.size(2));
    columns_by_columns(
        context,
        &mut Tickets::new(),
        size,
        (command.tensor(0), command.tensor(1)),
        command.tensor(2),
        (command.float(3), command.flag(4)),
    );
}

/// With no more rows than this, columns that lie by rows are faster read where they lie, a few values of k at a time.
const SHORT: usize = 64;

/// c (=|+=) alpha · aᵀ b, a [k, m], b [k, n].
pub unsafe fn columns_by_columns(
    context: &Context,
    tickets: &mut Tickets,
    (m, n, k): (usize, usize, usize),
    (a, b): (*const f32, *const f32),
    c: *mut f32,
    (alpha, accumulate): (f32, bool),
) {
    // The smaller side goes where a value is broadcast, the larger where four are read at once.
    let swapped = n <= FEW && n < m;
    let (m, n, a, b) = if swapped { (n, m, b, a) } else { (m, n, a, b) };
    let columns = Columns {
        data: b,
        stride: n,
        bf16: false,
        by_column: false,
    };
    let product = Product {
        a_stride: m,
        alpha,
        accumulate,
        transposed: swapped,
        ..Product::single((m, n, k), a, columns, c)
    };
    if m <= SHORT {
        drive::<BY_COLUMN, STRIDED>(context, tickets, &product, Visits::new(k, 0, SHALLOW));
    } else {
        drive::<BY_COLUMN, PACKED>(context, tickets, &product, Visits::new(k, 0, DEPTH));
    }
}

pub unsafe fn lora_forward(context: &Context, command: &Command) {
    lora(context, command, true, false);
}

pub unsafe fn lora_backward(context: &Context, command: &Command) {
    lora(context, command, false, command.flag(4));
}

/// Tensors: rows, frozen weight, rows of the adapter, adapter, output.
unsafe fn lora(context: &Context, command: &Command, by_column: bool, accumulate: bool) {
    let (m, n) = (command.size(0), command.size(1));
    let (k, r) = (command.size(2), command.size(3));
    let frozen = Columns {
        data: command.tensor(1),
        stride: if by_column { k } else { n },
        bf16: command.is_bf16(1),
        by_column,
    };
    let adapter = Columns {
        data: command.tensor(3),
        stride: if by_column { r } else { n },
        bf16: false,
        by_column,
    };
    let product = Product {
        nf4: command.nf4(1),
        k2: r,
        a2: command.tensor(2),
        b2: adapter,
        accumulate,
        ..Product::single((m, n, k), command.tensor(0), frozen, command.tensor(4))
    };
    with_adapter(context, &mut Tickets::new(), &product);
}

/// A product of rows with a frozen matrix and an adapter.
pub unsafe fn with_adapter(context: &Context, tickets: &mut Tickets, product: &Product) {
    let visits = Visits::new(product.k, product.k2, DEPTH);
    if few::fits(product) {
        return few::few(context, tickets, product, visits);
    }
    drive::<BY_ROW, PACKED>(context, tickets, product, visits);
}
