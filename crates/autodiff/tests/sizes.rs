//! Sizes that no memory holds, lists without an element, orders without an end: refused, by everything that takes one.

use dualtape_autodiff::{
    Array, Error, Tape, Tensor, Var, checkpoint, checkpoint_scalars, gradient, hessian, record,
    record_f32,
    sparse::SparsityPattern,
    taylor,
    windows::{Convolution, Pooling},
};

/// Beyond the range together, beyond memory alone, beyond a signed number alone.
const ENORMOUS: [usize; 4] = [1 << 32, 1 << 58, isize::MAX as usize, usize::MAX];

/// What the tape keeps, with the line of the call, after this operation on an array of shape `[2, 3]`.
fn error_of(f: impl for<'t> FnOnce(Tensor<'t>) -> Tensor<'t>) -> Option<Error> {
    error_of_shape(&[2, 3], f)
}

fn error_of_shape(
    shape: &[usize],
    f: impl for<'t> FnOnce(Tensor<'t>) -> Tensor<'t>,
) -> Option<Error> {
    let tape = Tape::new();
    let x = tape.input_array(&Array::new(shape, vec![1.0; shape.iter().product()]).unwrap());
    f(x);
    tape.error()
}

#[track_caller]
fn too_large(error: Option<Error>, what: impl std::fmt::Debug) {
    let message = error.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(matches!(error, Some(Error::TooLarge { .. })), "{what:?}: {error:?}");
    let line = format!("sizes.rs:{}:", std::panic::Location::caller().line());
    assert!(message.contains(&line), "{message}, not {line}");
}

#[test]
fn arrays_that_no_memory_holds() {
    for n in ENORMOUS {
        too_large(error_of(|x| x.reshape(&[1, 1, 2, 3]).broadcast(&[n, n, 2, 3])), n);
        too_large(error_of(|x| x.pad(0, n, n)), n);
        too_large(error_of(|x| x.pad(1, n, usize::MAX)), n);
        too_large(error_of(|x| x.pad_replicate(1, n, n)), n);
        too_large(error_of(|x| x.tile(&[n, n])), n);
        too_large(error_of(|x| x.repeat(1, n).repeat(0, n)), n);
        too_large(error_of(|x| x.get(0).to_tensor(x.tape()).broadcast(&[n, n])), n);
        let offset = n.min(isize::MAX as usize) as isize;
        too_large(error_of(|x| x.view(0, &[3]).diag(offset)), n);
        too_large(error_of(|x| x.view(0, &[3]).diag(-offset)), n);
        too_large(error_of(|x| x.scatter_add(1, x, n).tile(&[1, n])), n);
    }
    too_large(error_of(|x| x.view(0, &[3]).diag(isize::MIN)), "diag");
    too_large(error_of(|x| x.scatter_add(1, x, 1 << 58)), "scatter_add");
    too_large(error_of_shape(&[1, 1, 3], |x| x.adaptive_max_pool([1 << 62])), "pooling");
}

/// Products that overflow are not taken for what is left of them.
#[test]
fn products_that_overflow_fit_nothing() {
    let n = 1 << 32;
    let is_shape = |error: Option<Error>| matches!(error, Some(Error::Shape { .. }));
    assert!(is_shape(error_of_shape(&[0], |x| x.reshape(&[n, n]))));
    assert!(is_shape(error_of_shape(&[0], |x| x.view(0, &[n, n]))));
    assert!(is_shape(error_of_shape(&[0], |x| x.reshape_infer(&[1 << 32, 1 << 32]))));
    assert!(is_shape(error_of(|x| x.reshape_infer(&[1 << 32, 1 << 32, 6, -1]))));
    assert!(is_shape(error_of(|x| x.split(0, &[usize::MAX, 3])[0])));
    assert!(Array::new(&[n, n], Vec::<f64>::new()).is_err());
    assert!(Array::new(&[0, n, n], Vec::<f64>::new()).is_err());
    assert!(Array::new(&[0, n], Vec::<f64>::new()).is_ok());
    let refused = std::panic::catch_unwind(|| Array::<f64>::zeros(&[n, n])).unwrap_err();
    assert!(refused.downcast_ref::<String>().unwrap().contains("more elements than memory"));
}

#[test]
fn windows_and_axes_out_of_all_bounds() {
    let image = |f: fn(Tensor<'_>) -> Tensor<'_>| error_of_shape(&[1, 1, 4], f).is_some();
    for n in ENORMOUS {
        for f in [
            |n| Convolution { padding: [n], ..Convolution::default() },
            |n| Convolution { dilation: [n], ..Convolution::default() },
            |n| Convolution { groups: n, ..Convolution::default() },
        ] {
            assert!(error_of_shape(&[1, 1, 4], |x| x.conv(x, f(n))).is_some(), "{:?}", f(n));
        }
        let how = Convolution { stride: [n], ..Convolution::default() };
        assert_eq!(error_of_shape(&[1, 1, 4], |x| x.conv(x, how)), None);
        assert!(error_of_shape(&[1, 1, 4], |x| x.conv_transpose(x, how, [0])).is_some());
        let plain = Convolution::<1>::default();
        assert!(error_of_shape(&[1, 1, 4], |x| x.conv_transpose(x, plain, [n])).is_some());
        assert!(error_of_shape(&[1, 1, 4], |x| x.max_pool(Pooling::new([n]))).is_some());
        let wide = Pooling { padding: [n], ..Pooling::new([2]) };
        assert!(error_of_shape(&[1, 1, 4], |x| x.avg_pool(wide)).is_some());
        assert!(error_of_shape(&[1, 1, 3], |x| x.adaptive_avg_pool([n])).is_some());
        assert!(error_of_shape(&[1, 1, 3], |x| x.adaptive_max_pool([n])).is_some());
        assert!(error_of(|x| x.swap_axes(0, n)).is_some());
        assert!(error_of(|x| x.sum_axis(n).keep_axis(n)).is_some());
        assert!(error_of(|x| x.slice(1, 0..n)).is_some());
        assert!(error_of(|x| x.roll(n, 1)).is_some());
        assert_eq!(error_of(|x| x.roll(1, n as isize)), None);
        assert_eq!(error_of(|x| x.slice_step(1, 0..3, n as isize | 1)), None);
    }
    assert!(image(|x| x.chunk(2, usize::MAX).first().copied().unwrap_or(x)));
    assert_eq!(error_of_shape(&[1, 1, 4], |x| x.chunk(2, 6)[5]), None);
    // Without elements, the longest axis takes no time.
    assert_eq!(error_of_shape(&[1 << 62, 0], |x| x.tril(0)), None);
    assert_eq!(error_of_shape(&[0, 1 << 62], |x| (x * x.exp()).sum_axis(1)), None);
}

#[test]
fn lists_without_an_operand() {
    let empty = |f: for<'t> fn(Tensor<'t>) -> Tensor<'t>| {
        let refused = record(&[1.0]).array().function(|x| (f(x) + x).sum());
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::NoOperands { .. }), "{error}");
        assert!(error.to_string().contains("sizes.rs:"), "{error}");
        let returned = record(&[1.0]).array().function(|x| f(x).sum());
        assert_eq!(returned.unwrap_err(), error);
    };
    empty(|_| Tensor::concat(&[], 0));
    empty(|_| Tensor::stack(&[], 0));
    empty(|_| Tensor::einsum("", &[]));
    empty(|_| Tensor::einsum("i->i", &[]));
    empty(|_| checkpoint(&[], |_| unreachable!("there is nothing to record on")));
    for constants in 0..2 {
        let inputs = vec![Var::from_value(2.0); constants];
        let refused = hessian(|x| x[0] * checkpoint_scalars(&inputs[..], |r| r[0]), &[1.0]);
        assert!(matches!(refused, Err(Error::NoOperands { .. })));
    }
    assert_eq!(hessian(|x| x.iter().copied().sum(), &[]).unwrap().rows(), 0);
}

#[test]
fn orders_without_an_end() -> Result<(), Error> {
    let refused = taylor(|x| x[0].exp(), &[0.0], &[1.0], usize::MAX).unwrap_err();
    assert_eq!(refused, Error::TaylorOrder { order: usize::MAX, largest: 170 });
    let single = record_f32(&[0.0]).function(|x| x[0].exp())?;
    let refused = single.taylor(&[0.0], &[1.0], 35).unwrap_err();
    assert_eq!(refused, Error::TaylorOrder { order: 35, largest: 34 });
    let bessel = |n: i32, x: f64| gradient(|x| x[0].bessel_j(n), &[x]);
    // J₂₁₄₇₄₈₃₆₄₇(1e9) underflows; at 1e10 it does not.
    assert_eq!(bessel(i32::MAX, 1e9)?, [0.0]);
    assert_eq!(bessel(i32::MIN, 1.0)?, [0.0]);
    assert!(bessel(i32::MAX, 1e10)?[0].is_nan());
    assert!(bessel(1_000_000, 1_000_000.0)?[0] > 0.0);
    Ok(())
}

#[test]
fn patterns_that_no_memory_holds() {
    for n in [1 << 33, 1 << 58, usize::MAX] {
        for (rows, cols) in [(n, 1), (1, n), (n, n)] {
            let refused = SparsityPattern::from_entries(rows, cols, [(0, 0)]);
            assert_eq!(refused, Err(Error::PatternTooLarge { rows, cols }));
        }
    }
}
