//! What an inspection says of memory is what an allocator sees.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use dualtape_autodiff::{Array, Error, inspect::Quantity, record};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "only an allocator can count allocated bytes")]
// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's condition.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn grown<R>(call: impl FnOnce() -> R) -> (R, usize) {
    let before = LIVE.load(Ordering::Relaxed);
    let result = call();
    (result, LIVE.load(Ordering::Relaxed) - before)
}

/// What a call takes at most, beyond what was taken before.
fn peak<R>(call: impl FnOnce() -> R) -> (R, usize) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = call();
    (result, PEAK.load(Ordering::Relaxed) - before)
}

/// Within a tenth, and a kilobyte of small things.
fn assert_near(what: &str, said: usize, seen: usize) {
    assert!(said.abs_diff(seen) <= seen / 10 + 1024, "{what}: {said} said, {seen} seen");
}

#[test]
fn memory_is_what_was_said() -> Result<(), Error> {
    let x: Vec<f64> = (0..3000).map(|i| (0.1 * i as f64).cos()).collect();
    let data = Array::new(&[20, 30], x[..600].to_vec())?;
    let scalar = record(&x)
        .function(|x| x.windows(2).map(|x| (x[1] - x[0] * x[0]).powi(2) + x[0].sin()).sum())?;
    let array = record(&x).data(&[&data]).function(|x, data| {
        let weights = x.view(0, &[30, 50]);
        data[0].matmul(weights).tanh().powi(2).sum() + x.exp().sum()
    })?;
    let mut gradient = vec![0.0; x.len()];
    for f in [&scalar, &array] {
        let (inspected, program) = grown(|| f.inspect(Quantity::Gradient, &x));
        let memory = inspected?.memory();
        // Places of arrays and room to grow come on top of the program itself.
        assert!((memory.program..3 * memory.program + 65_536).contains(&program), "{program}");
        let (result, results) = grown(|| f.value_and_gradient_into(&x, &mut gradient));
        result?;
        assert_near("results", memory.results, results);
        let again = grown(|| f.value_and_gradient_into(&x, &mut gradient)).1;
        assert_eq!(again, 0);
    }
    let memory = scalar.inspect(Quantity::HessianProduct, &x)?.memory();
    let at = scalar.linearize(&x)?;
    let (result, products) = grown(|| at.hvp_into(&x, &mut gradient));
    result?;
    assert_near("products", memory.products, products);
    assert_eq!(memory.total(), memory.program + memory.results + memory.products);

    // Programs are derived from shapes: without arrays, and without the results of anything.
    let examples = Array::new(&[4000, 30], vec![0.1; 120_000])?;
    let layers = record(&x[..1800]).data(&[&examples]).function(|x, data| {
        let hidden = data[0].matmul(x.view(0, &[30, 30])).tanh();
        hidden.matmul(x.view(900, &[30, 30])).softplus().sum()
    })?;
    for quantity in [Quantity::Gradient, Quantity::HessianProduct] {
        let (inspected, deriving) = peak(|| layers.inspect(quantity, &x[..1800]));
        let memory = inspected?.memory();
        assert!(memory.results > 1_000_000 && deriving < 100_000, "{deriving} for {memory:?}");
    }
    Ok(())
}
