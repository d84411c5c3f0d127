//! The kernels of the cpu backend. A plan is an array of [`Command`]s in shared memory; every
//! thread walks the whole list, each kernel shares out its output rows or tiles, and a barrier
//! follows each command. JavaScript owns the memory: nothing here allocates.

#![no_std]
#![feature(stdarch_wasm_atomic_wait)]
// A kernel's contract (sizes, dtypes) is checked once by the host when a command is recorded.
#![allow(clippy::missing_safety_doc)]

mod adamw;
mod advance;
mod attention;
mod attention_backward;
mod attention_cached;
mod copy_rows;
mod cross_entropy;
mod cross_entropy_tiles;
mod cut;
mod dots;
mod drive;
mod elementwise;
mod embedding;
mod entropy;
mod few;
mod gemm;
mod grouped;
mod grpo_loss;
mod math;
mod metrics;
mod nf4;
mod one_row;
mod pack;
mod pages;
mod reduce;
mod rmsnorm;
mod rope;
mod route;
mod rows;
mod sample;
mod select_columns;
mod simd;
mod simd8;
mod swiglu;
mod threads;
mod tile;

use threads::{Context, Control};

/// One kernel call. `packed` has a bit for each tensor in bf16, and [`NF4`] higher one for each in 4 bits, of which
/// there is one at most: its scales, ranges and levels are the last tensors.
#[repr(C)]
pub struct Command {
    kernel: u32,
    packed: u32,
    tensors: [u32; 12],
    params: [u32; 10],
}

impl Command {
    /// Address of the tensor at a position of the kernel's list.
    #[inline(always)]
    fn tensor<T>(&self, index: usize) -> *mut T {
        self.tensors[index] as *mut T
    }
    #[inline(always)]
    fn float(&self, index: usize) -> f32 {
        f32::from_bits(self.params[index])
    }
    #[inline(always)]
    fn size(&self, index: usize) -> usize {
        self.params[index] as usize
    }
    #[inline(always)]
    fn flag(&self, index: usize) -> bool {
        self.params[index] != 0
    }
    #[inline(always)]
    fn is_bf16(&self, index: usize) -> bool {
        self.packed >> index & 1 == 1
    }
    /// What the tensor at a position holds the codes of, if it is in 4 bits.
    unsafe fn nf4(&self, index: usize) -> Option<nf4::Nf4> {
        (self.packed >> (NF4 + index) & 1 == 1).then(|| {
            let [scales, ranges, levels] = [9, 10, 11].map(|last| self.tensor(last));
            nf4::Nf4::new(
                self.tensor(index),
                scales as *const u8,
                ranges as *const f32,
                levels as *const f32,
            )
        })
    }
}

/// Bits of [`Command::packed`] from a tensor's in bf16 to its in 4 bits.
const NF4: usize = 16;

macro_rules! kernels {
    ($($name:ident = $function:path),* $(,)?) => {
        /// Kernel names, separated by spaces; a kernel's id is its position.
        static NAMES: &str = concat!($(stringify!($name), " "),*);

        #[inline(always)]
        unsafe fn dispatch(context: &Context, command: &Command) {
            #[allow(non_camel_case_types)]
            #[repr(u32)]
            enum Id { $($name),* }
            $(const $name: u32 = Id::$name as u32;)*
            match command.kernel {
                $($name => $function(context, command),)*
                _ => core::arch::wasm32::unreachable(),
            }
        }
    };
}

#[allow(non_upper_case_globals)]
mod table {
    use super::*;
    kernels! {
        fill = elementwise::fill,
        scale = elementwise::scale,
        add = elementwise::add_kernel,
        embedding_forward = embedding::forward,
        embedding_backward = embedding::backward,
        rmsnorm_forward = rmsnorm::forward,
        rmsnorm_backward = rmsnorm::backward,
        rmsnorm_backward_weight = rmsnorm::backward_weight,
        rope = rope::rope,
        gemm_nt = gemm::nt,
        gemm_nn = gemm::nn,
        gemm_tn = gemm::tn,
        lora_forward = gemm::lora_forward,
        lora_backward = gemm::lora_backward,
        dequantize_nf4 = nf4::dequantize,
        route = route::forward,
        route_backward = route::backward,
        group_rows = route::group_rows,
        gather_rows = rows::gather,
        gather_choice = rows::gather_choice,
        scatter_rows = rows::scatter,
        scale_rows = rows::scale,
        scale_rows_backward = rows::scale_backward,
        grouped_gemm_nt = grouped::nt,
        grouped_gemm_nn = grouped::nn,
        grouped_gemm_tn = grouped::tn,
        grouped_lora_forward = grouped::lora_forward,
        grouped_lora_backward = grouped::lora_backward,
        swiglu_forward = swiglu::forward,
        swiglu_backward = swiglu::backward,
        attention_forward = attention::forward,
        attention_backward = attention_backward::backward,
        find_cells = pages::find_cells,
        copy_rows = copy_rows::copy_rows,
        attention_cached = attention_cached::forward,
        select_columns = select_columns::select_columns,
        sample = sample::sample,
        advance = advance::advance,
        cross_entropy = cross_entropy::cross_entropy,
        cross_entropy_fold = cross_entropy_tiles::fold,
        cross_entropy_gradient = cross_entropy_tiles::gradient,
        entropy = entropy::entropy,
        grpo_loss = grpo_loss::grpo_loss,
        dot = reduce::dot,
        sum_squares = reduce::sum_squares,
        adamw = adamw::adamw,
        record_metrics = metrics::record_metrics,
    }

    #[no_mangle]
    pub extern "C" fn kernel_names() -> *const u8 {
        NAMES.as_ptr()
    }
    #[no_mangle]
    pub extern "C" fn kernel_names_length() -> usize {
        NAMES.len()
    }

    pub unsafe fn walk(context: &Context, commands: *const Command, count: usize) {
        for index in 0..count {
            run(context, &*commands.add(index));
            context.barrier();
        }
    }

    /// [`walk`] with a clock: behind when the thread started, `times` gets for each command when it was
    /// done itself and when all were.
    pub unsafe fn walk_timed(
        context: &Context,
        commands: *const Command,
        count: usize,
        times: *mut f64,
    ) {
        for index in 0..count {
            run(context, &*commands.add(index));
            *times.add(2 * index + 1) = now();
            context.barrier();
            *times.add(2 * index + 2) = now();
        }
        // The caller reads all of them when it is done itself.
        context.barrier();
    }

    #[inline(always)]
    unsafe fn run(context: &Context, command: &Command) {
        if command.kernel == FORK {
            fork(context, command);
        } else {
            dispatch(context, command);
        }
    }

    /// In place of a kernel's id: several plans that have nothing to do with each other.
    const FORK: u32 = u32::MAX;

    /// Each plan is walked by whichever thread is free, as if there were no other: no barrier waits
    /// for anybody. Tensors: pairs of (commands, count), a zeroed [`Control`] for each thread.
    #[inline(never)]
    unsafe fn fork(context: &Context, command: &Command) {
        let plans: *const [u32; 2] = command.tensor(0);
        let alone = Context {
            thread: 0,
            threads: 1,
            scratch: context.scratch,
            control: command.tensor::<Control>(1).add(context.thread),
        };
        loop {
            let index = context.ticket();
            if index >= command.size(0) {
                return;
            }
            let [commands, count] = *plans.add(index);
            walk(&alone, commands as *const Command, count as usize);
        }
    }
}

/// Bytes that each thread needs for packed panels and score tiles.
#[no_mangle]
pub extern "C" fn scratch_bytes() -> usize {
    (drive::SCRATCH_FLOATS.max(attention_backward::SCRATCH_FLOATS) + 64) * 4
}

#[no_mangle]
pub extern "C" fn control_bytes() -> usize {
    core::mem::size_of::<Control>()
}

#[link(wasm_import_module = "env")]
extern "C" {
    /// Milliseconds since some moment of this thread.
    fn now() -> f64;
}

/// A thread's share of a plan, with its times if there is a place for them: each thread has
/// 2 · count + 1 of them.
unsafe fn share(context: &Context, commands: *const Command, count: usize, times: *mut f64) {
    if times.is_null() {
        table::walk(context, commands, count);
    } else {
        let own = times.add(context.thread * (2 * count + 1));
        // The caller started before it woke the others.
        if context.thread > 0 {
            *own = now();
        }
        table::walk_timed(context, commands, count, own);
    }
}

/// Runs a plan on all threads; the caller is thread 0. Returns when every thread is done.
#[no_mangle]
pub unsafe extern "C" fn execute(
    control: *const Control,
    commands: *const Command,
    count: usize,
    threads: usize,
    scratch: *mut f32,
    times: *mut f64,
) {
    if !times.is_null() {
        *times = now();
    }
    (*control).publish(commands as u32, count as u32, times as u32, threads);
    share(
        &Context {
            thread: 0,
            threads,
            scratch,
            control,
        },
        commands,
        count,
        times,
    );
}

/// A worker's life: parks until a plan is published, walks it, parks again, until told to stop.
#[no_mangle]
pub unsafe extern "C" fn work(
    control: *const Control,
    thread: usize,
    threads: usize,
    scratch: *mut f32,
) {
    let context = Context {
        thread,
        threads,
        scratch,
        control,
    };
    let mut seen = 0;
    while let Some((commands, count, times)) = (*control).next_plan(&mut seen) {
        let (commands, times) = (commands as *const Command, times as *mut f64);
        share(&context, commands, count as usize, times);
    }
}

/// Takes tiles of twice the width from now on, on all threads: for an engine that joins vectors.
#[no_mangle]
pub extern "C" fn use_wide_tiles() {
    tile::WIDE.store(true, core::sync::atomic::Ordering::Relaxed);
}

/// Makes every worker return from [`work`].
#[no_mangle]
pub unsafe extern "C" fn stop(control: *const Control) {
    (*control).stop();
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
