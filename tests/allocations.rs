//! Steady state means steady: after the first call, evaluating a recorded function allocates nothing.
//!
//! One thing is out of our hands: the `gemm` crate allocates a buffer or two in each matrix product, and frees them. Its
//! allocations are told apart by the call stack.

#![expect(unsafe_code, reason = "a global allocator, here one that counts, is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;

use dualtape_autodiff::{Array, Function, record};
use dualtape_layers::{Activation, Module, cross_entropy, l2_penalty, mlp};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Allocations {
    ours: usize,
    of_gemm: usize,
}

const NONE: Allocations = Allocations { ours: 0, of_gemm: 0 };

thread_local! {
    // Of its own thread alone: the test harness allocates on others whenever it likes. `None` while not counting.
    static ALLOCATIONS: Cell<Option<Allocations>> = const { Cell::new(None) };
}

struct Counting;

/// A thread that is ending has no counter any more, and nobody who would ask for it.
fn count() {
    let _ = ALLOCATIONS.try_with(|counter| {
        // Taken meanwhile, because looking at the stack allocates.
        let Some(mut counts) = counter.take() else { return };
        let in_gemm = Backtrace::force_capture().to_string().contains("gemm_f64::");
        *(if in_gemm { &mut counts.of_gemm } else { &mut counts.ours }) += 1;
        counter.set(Some(counts));
    });
}

// SAFETY: every call is handed to `System` unchanged; the counter is const-initialised and has no destructor, so that
// touching it allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above, and `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above, and `pointer` came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations made by `work` on this thread.
fn allocations(work: impl FnOnce()) -> Allocations {
    ALLOCATIONS.set(Some(NONE));
    work();
    ALLOCATIONS.take().expect("counting until here")
}

/// `x₀ + k·0.01·sin(i)`: another point for every `k`, in reach of the first.
fn moved(x: &[f64], k: usize, out: &mut [f64]) {
    for (i, (out, x)) in out.iter_mut().zip(x).enumerate() {
        *out = x + 0.01 * k as f64 * (i as f64).sin();
    }
}

/// Allocations in 5 gradients at different points, and in 5 Hessian-vector products at one, after the first of each.
fn steady_allocations(f: &Function<'_>, x0: &[f64]) -> [Allocations; 2] {
    let n = f.dim();
    let (mut x, mut v, mut out) = (x0.to_vec(), vec![0.0; n], vec![0.0; n]);

    f.value_and_gradient_into(x0, &mut out).unwrap();
    let gradients = allocations(|| {
        for k in 1..=5 {
            moved(x0, k, &mut x);
            let value = f.value_and_gradient_into(&x, &mut out).unwrap();
            assert!(value.is_finite() && out.iter().any(|g| *g != 0.0));
        }
    });

    let linear = f.linearize(x0).unwrap();
    linear.hvp_into(x0, &mut out).unwrap();
    let products = allocations(|| {
        for k in 1..=5 {
            moved(x0, k, &mut v);
            linear.hvp_into(&v, &mut out).unwrap();
            assert!(out.iter().any(|h| *h != 0.0));
        }
    });
    [gradients, products]
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| ()), NONE);
    let boxed = allocations(|| drop(std::hint::black_box(Box::new(7))));
    assert_eq!(boxed, Allocations { ours: 1, of_gemm: 0 });
    let grow = || {
        let mut list = std::hint::black_box(Vec::<u64>::with_capacity(4));
        list.reserve_exact(400);
    };
    assert_eq!(allocations(grow), Allocations { ours: 2, of_gemm: 0 });
}

#[test]
fn scalar_functions_are_steady() {
    let x0: Vec<f64> = (0..100).map(|i| (0.1 * i as f64 + 0.3).sin()).collect();
    let rosenbrock = record(&x0).function(|x| {
        x.windows(2).map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)).sum()
    });
    assert_eq!(steady_allocations(&rosenbrock.unwrap(), &x0), [NONE; 2]);
}

#[test]
fn tensor_functions_are_steady() {
    let x0: Vec<f64> = (0..60).map(|i| (0.3 * i as f64 + 0.2).sin()).collect();
    let data = Array::new(&[5, 1], vec![0.3, -0.2, 0.9, 0.1, -0.7]).unwrap();
    let f = record(&x0).data(&[&data]).function(|x, data| {
        let rows = x.reshape(&[5, 12]).tanh() * data[0];
        let scores = rows.log_softmax(1).sum_axis(0) + rows.permute(&[1, 0]).mean_axis(1).exp();
        scores.dot(scores) + x.sum()
    });
    assert_eq!(steady_allocations(&f.unwrap(), &x0), [NONE; 2]);
}

#[test]
fn networks_are_steady() {
    let model = mlp::<f64>(&[7, 6, 5, 3], Activation::Tanh);
    let layout = model.layout().unwrap();
    let theta = model.init(&mut ChaCha8Rng::seed_from_u64(3));
    let images = (0..11 * 7).map(|i| (0.7 * i as f64).sin()).collect();
    let images = Array::new(&[11, 7], images).unwrap();
    let labels = (0..11 * 3).map(|i| f64::from(u8::from(i % 3 == i / 3 % 3))).collect();
    let labels = Array::new(&[11, 3], labels).unwrap();
    let loss = record(&theta).data(&[&images, &labels]).function(|theta, data| {
        let logits = model.forward(&layout.bind(theta), data[0]);
        cross_entropy(logits, data[1]) + l2_penalty(theta, 1e-3)
    });
    let counts = steady_allocations(&loss.unwrap(), &theta);
    assert_eq!(counts.map(|counts| counts.ours), [0; 2], "{counts:?}");
}
