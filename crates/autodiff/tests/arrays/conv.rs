//! Convolutions and poolings against their definitions, and the transpose against the convolution.

use dualtape_autodiff::{
    Error, Tape, record,
    windows::{Convolution, Pooling},
};
use proptest::prelude::*;

use super::support::{Naive, assert_close, samples, size};

/// The convolution of an image by its definition.
fn naive_conv(x: &Naive, w: &Naive, how: &Convolution<2>) -> Naive {
    let length = |i: usize| {
        (x.shape[2 + i] + 2 * how.padding[i] - how.dilation[i] * (w.shape[2 + i] - 1) - 1)
            / how.stride[i]
            + 1
    };
    let (per_group, outputs) = (w.shape[1], w.shape[0]);
    Naive::from_fn(&[x.shape[0], outputs, length(0), length(1)], |i| {
        let group = i[1] / (outputs / how.groups);
        let mut sum = 0.0;
        for channel in 0..per_group {
            for row in 0..w.shape[2] {
                for column in 0..w.shape[3] {
                    let at = |axis: usize, k: usize| {
                        let at = i[2 + axis] * how.stride[axis] + k * how.dilation[axis];
                        at.checked_sub(how.padding[axis]).filter(|&at| at < x.shape[2 + axis])
                    };
                    if let (Some(y), Some(z)) = (at(0, row), at(1, column)) {
                        let pixel = x.at(&[i[0], group * per_group + channel, y, z]);
                        sum += pixel * w.at(&[i[1], channel, row, column]);
                    }
                }
            }
        }
        sum
    })
}

fn convolutions() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, Convolution<2>)> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    let lengths = (0..3_usize, pair(1..4), 1..3_usize, 1..3_usize);
    let how = (pair(1..4), pair(0..3), pair(1..3), 1..4_usize, pair(0..5));
    (lengths, how).prop_map(
        |((batch, window, per_group, out), (stride, padding, dilation, groups, room))| {
            let axis = |i: usize| {
                let reach = dilation[i] * (window[i] - 1) + 1;
                (reach + room[i]).saturating_sub(2 * padding[i]).max(1)
            };
            let x = vec![batch, per_group * groups, axis(0), axis(1)];
            let w = vec![out * groups, per_group, window[0], window[1]];
            (x, w, Convolution { stride, padding, dilation, groups })
        },
    )
}

proptest! {
    #[test]
    fn convolutions_match_their_definition((x, w, how) in convolutions()) {
        let (x, w) = (Naive::sample(&x, 1), Naive::sample(&w, 2));
        let expected = naive_conv(&x, &w, &how);
        x.check(|x| x.conv(w.on(x.tape()), how), &expected, 64.0);
    }

    /// `⟨z, conv(x)⟩ = ⟨conv_transpose(z), x⟩`, which says all of the transpose.
    #[test]
    fn the_transpose_is_that_of_the_convolution((x, w, how) in convolutions()) {
        let (x, w) = (Naive::sample(&x, 1), Naive::sample(&w, 2));
        let tape = Tape::new();
        let (image, weights) = (x.on(&tape), w.on(&tape));
        let y = image.conv(weights, how);
        let z = Naive::sample(y.shape(), 3).on(&tape);
        let extra = std::array::from_fn(|i| {
            let reach = how.dilation[i] * (w.shape[2 + i] - 1) + 1;
            x.shape[2 + i] + 2 * how.padding[i] - (y.shape()[2 + i] - 1) * how.stride[i] - reach
        });
        let transposed = z.conv_transpose(weights, how, extra);
        prop_assert_eq!(tape.error(), None);
        prop_assert_eq!(transposed.shape(), image.shape());
        let (left, right) = ((z * y).sum().value(), (transposed * image).sum().value());
        prop_assert!((left - right).abs() <= 1e-12, "{} is not {}", left, right);
    }

    #[test]
    fn poolings_match_their_definition(
        lengths in [1..9_usize, 1..9], window in [1..4_usize, 1..4], stride in [1..4_usize, 1..4], pad: bool, seed in 0..99_u64,
    ) {
        let padding = window.map(|window| if pad { window / 2 } else { 0 });
        prop_assume!((0..2).all(|i| lengths[i] + 2 * padding[i] >= window[i]));
        let how = Pooling { window, stride, padding };
        let x = Naive::sample(&[2, 3, lengths[0], lengths[1]], seed);
        let outputs: [usize; 2] =
            std::array::from_fn(|i| (lengths[i] + 2 * padding[i] - window[i]) / stride[i] + 1);
        let elements = |i: &[usize]| -> Vec<f64> {
            let at = |axis: usize, k: usize| {
                (i[2 + axis] * stride[axis] + k).checked_sub(padding[axis]).filter(|&at| at < lengths[axis])
            };
            (0..window[0]).flat_map(|r| (0..window[1]).map(move |c| (r, c)))
                .filter_map(|(r, c)| Some(x.at(&[i[0], i[1], at(0, r)?, at(1, c)?]))).collect()
        };
        let shape = [2, 3, outputs[0], outputs[1]];
        let largest = Naive::from_fn(&shape, |i| elements(i).into_iter().fold(f64::NEG_INFINITY, f64::max));
        let mean = Naive::from_fn(&shape, |i| elements(i).into_iter().sum::<f64>() / size(&window) as f64);
        x.check(|x| x.max_pool(how), &largest, 0.0);
        x.check(|x| x.avg_pool(how), &mean, 8.0);
    }

    #[test]
    fn adaptive_poolings_match_their_definition(
        lengths in [1..9_usize, 1..9], outputs in [1..5_usize, 1..5], seed in 0..99_u64,
    ) {
        let x = Naive::sample(&[1, 2, lengths[0], lengths[1]], seed);
        let elements = |i: &[usize]| -> Vec<f64> {
            let range = |axis: usize| {
                let (n, m, i) = (lengths[axis], outputs[axis], i[2 + axis]);
                (i as f64 * n as f64 / m as f64).floor() as usize..((i + 1) as f64 * n as f64 / m as f64).ceil() as usize
            };
            range(0).flat_map(|r| range(1).map(move |c| (r, c))).map(|(r, c)| x.at(&[i[0], i[1], r, c])).collect()
        };
        let shape = [1, 2, outputs[0], outputs[1]];
        let largest = Naive::from_fn(&shape, |i| elements(i).into_iter().fold(f64::NEG_INFINITY, f64::max));
        let mean = Naive::from_fn(&shape, |i| elements(i).iter().sum::<f64>() / elements(i).len() as f64);
        x.check(|x| x.adaptive_max_pool(outputs), &largest, 0.0);
        x.check(|x| x.adaptive_avg_pool(outputs), &mean, 16.0);
    }
}

/// Elements that share a window's maximum share its derivative equally, however the window lies.
#[test]
fn ties_in_a_window_share() -> Result<(), Error> {
    let pool = |x: &[f64]| {
        let f = record(x)
            .array()
            .function(|x| x.reshape(&[1, 1, 2, 2]).max_pool(Pooling::new([2, 2])).sum())?;
        f.gradient(x)
    };
    assert_eq!(pool(&[1.0, 3.0, 3.0, 0.0])?, [0.0, 0.5, 0.5, 0.0]);
    assert_eq!(pool(&[2.0; 4])?, [0.25; 4]);
    Ok(())
}

/// The Hessian through a convolution in both operands is that of the sums spelt out.
#[test]
fn a_convolution_is_bilinear_at_second_order() -> Result<(), Error> {
    let how = Convolution { stride: [2], padding: [1], ..Convolution::default() };
    let by_conv = record(&[0.0; 8])
        .array()
        .function(|x| x.view(0, &[1, 1, 5]).conv(x.view(5, &[1, 1, 3]), how).powi(3).sum())?;
    let spelt = record(&[0.0; 8]).function(|x| {
        let pixel = |i: isize| if (0..5).contains(&i) { x[i as usize] } else { x[0] * 0.0 };
        (0..3)
            .map(|p| {
                (0..3)
                    .map(|k| pixel(2 * p + k - 1) * x[5 + k as usize])
                    .sum::<dualtape_autodiff::Var<'_>>()
                    .powi(3)
            })
            .sum()
    })?;
    let x = samples(8, 4);
    let (a, b) = (by_conv.hessian(&x)?, spelt.hessian(&x)?);
    for (a, b) in a.as_slice().iter().zip(b.as_slice()) {
        assert!((a - b).abs() <= 1e-13, "{a} is not {b}");
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() {
    let tape = Tape::new();
    let (x, w) =
        (Naive::sample(&[1, 2, 4, 4], 1).on(&tape), Naive::sample(&[2, 2, 5, 3], 2).on(&tape));
    x.conv(w, Convolution::<2>::default());
    assert!(tape.error().expect("too large a window").to_string().contains("padded image"));
    for how in [
        Convolution { groups: 0, ..Convolution::default() },
        Convolution { groups: 2, ..Convolution::default() },
        Convolution { stride: [0, 1], ..Convolution::default() },
    ] {
        let tape = Tape::new();
        let (x, w) =
            (Naive::sample(&[1, 2, 5, 4], 1).on(&tape), Naive::sample(&[2, 2, 3, 3], 2).on(&tape));
        x.conv(w, how);
        assert!(tape.error().is_some(), "{how:?}");
        assert_close(x, &Naive::sample(&[1, 2, 5, 4], 1), 0.0);
    }
}
