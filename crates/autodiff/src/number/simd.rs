//! Loops compiled twice: for the baseline instruction set, and for AVX2 with FMA, chosen at run time.

#![expect(
    unsafe_code,
    reason = "only the run-time check makes it sound to call code compiled for AVX2"
)]

use num_traits::Float;

/// A loop over array elements, as a value that holds its operands.
///
/// `run` and all that it calls must be `#[inline(always)]`, so that it is compiled anew with the instruction set of
/// each caller.
pub trait Loop {
    /// What the loop computes beside what it writes.
    type Output;

    /// Runs the loop, with polynomials evaluated by `M`.
    fn run<M: MulAdd>(self) -> Self::Output;
}

/// How `a·b + c` is computed where it may be fused: in polynomials, never in arithmetic that a user wrote.
pub trait MulAdd {
    /// `a·b + c`.
    fn mul_add<R: Float>(a: R, b: R, c: R) -> R;
}

/// `a·b + c` with one rounding; slow where the processor lacks the instruction.
#[derive(Debug)]
pub struct Fused;

impl MulAdd for Fused {
    #[inline(always)]
    fn mul_add<R: Float>(a: R, b: R, c: R) -> R {
        a.mul_add(b, c)
    }
}

/// `a·b + c` with two roundings.
#[derive(Debug)]
pub struct Separate;

impl MulAdd for Separate {
    #[inline(always)]
    fn mul_add<R: Float>(a: R, b: R, c: R) -> R {
        a * b + c
    }
}

/// Runs `task` with the widest instruction set that this processor has.
#[inline]
pub(crate) fn run<L: Loop>(task: L) -> L::Output {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has both features that `run_avx2` is compiled for.
        return unsafe { run_avx2(task) };
    }
    if cfg!(target_arch = "aarch64") {
        // Fused multiply-add and 128-bit vectors are part of the baseline there.
        return task.run::<Fused>();
    }
    task.run::<Separate>()
}

/// Runs plain loops over slices with the widest vectors that this processor has.
///
/// Results have the same bits as without it: nothing is fused or reordered. For loops that the compiler can vectorise as they
/// are written, such as an optimizer's update of long vectors; a loop of few elements gains nothing.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::numbers::vectorized;
///
/// let (mut y, x) = (vec![1.0_f32; 1000], vec![2.0_f32; 1000]);
/// vectorized(|| y.iter_mut().zip(&x).for_each(|(y, x)| *y += 0.5 * x));
/// assert_eq!(y, [2.0; 1000]);
/// ```
#[inline]
pub fn vectorized<R>(task: impl FnOnce() -> R) -> R {
    run(Plain(task))
}

/// A loop without polynomials.
struct Plain<F>(F);

impl<R, F: FnOnce() -> R> Loop for Plain<F> {
    type Output = R;

    #[inline(always)]
    fn run<M: MulAdd>(self) -> R {
        (self.0)()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<L: Loop>(task: L) -> L::Output {
    task.run::<Fused>()
}
