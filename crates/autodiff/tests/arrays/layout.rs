//! Parts, joints and repetitions against their definitions.

use dualtape_autodiff::{Tape, Tensor};
use proptest::prelude::*;

use super::support::{Naive, assert_close, with};
use super::transposes::shapes;

proptest! {
    #[test]
    fn slices_take_every_step_th_element(shape in shapes(), pick in 0..4096_usize) {
        let axis = pick % shape.len();
        let n = shape[axis];
        let start = pick / 4 % (n + 1);
        let end = start + pick / 32 % (n - start + 1);
        let step: isize = [1, 2, 3, -1, -2, -3][pick / 128 % 6];
        let mut taken: Vec<usize> = (start..end).collect();
        if step < 0 {
            taken.reverse();
        }
        let taken: Vec<usize> = taken.into_iter().step_by(step.unsigned_abs()).collect();
        let x = Naive::sample(&shape, 1);
        let expected = Naive::from_fn(&with(&shape, axis, taken.len()), |i| {
            x.at(&with(i, axis, taken[i[axis]]))
        });
        x.check(|x| x.slice_step(axis, start..end, step), &expected, 0.0);
    }

    #[test]
    fn paddings_and_rolls(shape in shapes(), pick in 0..4096_usize) {
        let axis = pick % shape.len();
        let n = shape[axis];
        let (before, after) = (pick / 4 % 3, pick / 16 % 3);
        let x = Naive::sample(&shape, 1);
        let padded = |outside: &dyn Fn(&[usize], isize) -> f64| {
            Naive::from_fn(&with(&shape, axis, n + before + after), |i| {
                let at = i[axis] as isize - before as isize;
                if (0..n as isize).contains(&at) {
                    x.at(&with(i, axis, at as usize))
                } else {
                    outside(i, at)
                }
            })
        };
        x.check(|x| x.pad(axis, before, after), &padded(&|_, _| 0.0), 0.0);
        if n > 0 {
            let nearest = |i: &[usize], at: isize| {
                x.at(&with(i, axis, at.clamp(0, n as isize - 1) as usize))
            };
            x.check(|x| x.pad_replicate(axis, before, after), &padded(&nearest), 0.0);
            let shift = pick as isize % 13 - 6;
            let rolled = Naive::from_fn(&shape, |i| {
                let from = (i[axis] as isize - shift).rem_euclid(n as isize);
                x.at(&with(i, axis, from as usize))
            });
            x.check(|x| x.roll(axis, shift), &rolled, 0.0);
        }
        if n > before.max(after) {
            let mirrored = |i: &[usize], at: isize| {
                let last = n as isize - 1;
                x.at(&with(i, axis, (last - (last - at.abs()).abs()) as usize))
            };
            x.check(|x| x.pad_reflect(axis, before, after), &padded(&mirrored), 0.0);
        }
    }

    #[test]
    fn diagonals_and_triangles(shape in shapes(), offset in -4..5_isize, pick in 0..16_usize) {
        prop_assume!(shape.len() > 1);
        let (first, second) = (pick % shape.len(), (pick + 1 + pick / 4 % (shape.len() - 1)) % shape.len());
        let x = Naive::sample(&shape, 1);
        let fits = |i: usize| {
            let (row, column) = (i + offset.min(0).unsigned_abs(), i + offset.max(0).unsigned_abs());
            (row < shape[first] && column < shape[second]).then_some((row, column))
        };
        let length = (0..6).take_while(|&i| fits(i).is_some()).count();
        let mut outer: Vec<usize> =
            (0..shape.len()).filter(|&i| i != first && i != second).map(|i| shape[i]).collect();
        outer.push(length);
        let expected = Naive::from_fn(&outer, |i| {
            let (row, column) = fits(i[i.len() - 1]).expect("within");
            let mut rest = i.iter();
            let index: Vec<usize> = (0..shape.len()).map(|axis| match axis {
                _ if axis == first => row,
                _ if axis == second => column,
                _ => *rest.next().expect("an outer axis"),
            }).collect();
            x.at(&index)
        });
        x.check(|x| x.diagonal(offset, first, second), &expected, 0.0);
        let distance = |i: &[usize]| i[i.len() - 1] as isize - i[i.len() - 2] as isize;
        let lower = Naive::from_fn(&shape, |i| if distance(i) <= offset { x.at(i) } else { 0.0 });
        let upper = Naive::from_fn(&shape, |i| if distance(i) >= offset { x.at(i) } else { 0.0 });
        x.check(|x| x.tril(offset), &lower, 0.0);
        x.check(|x| x.triu(offset), &upper, 0.0);
    }

    #[test]
    fn repetitions(shape in shapes(), pick in 0..64_usize) {
        let (axis, count) = (pick % shape.len(), 1 + pick / 8 % 3);
        let x = Naive::sample(&shape, 1);
        let repeated = Naive::from_fn(&with(&shape, axis, count * shape[axis]), |i| {
            x.at(&with(i, axis, i[axis] / count))
        });
        x.check(|x| x.repeat(axis, count), &repeated, 0.0);
        let tiled = Naive::from_fn(&with(&shape, axis, count * shape[axis]), |i| {
            x.at(&with(i, axis, i[axis] % shape[axis]))
        });
        x.check(|x| x.tile(&with(&vec![1; shape.len()], axis, count)), &tiled, 0.0);
    }

    #[test]
    fn joined_arrays_split_again(shape in shapes(), pick in 0..64_usize) {
        let axis = pick % shape.len();
        let lengths = [shape[axis], pick / 4 % 3, 2];
        let arrays: Vec<Naive> = lengths.iter().enumerate()
            .map(|(i, &n)| Naive::sample(&with(&shape, axis, n), i as u64)).collect();
        let tape = Tape::new();
        let tensors: Vec<Tensor<'_>> = arrays.iter().map(|x| x.on(&tape)).collect();
        let joined = Tensor::concat(&tensors, axis);
        let expected = Naive::from_fn(&with(&shape, axis, lengths.iter().sum()), |i| {
            let mut at = i[axis];
            let part = lengths.iter().position(|&n| { let here = at < n; if !here { at -= n; } here });
            arrays[part.expect("within")].at(&with(i, axis, at))
        });
        assert_close(joined, &expected, 0.0);
        for (part, array) in joined.split(axis, &lengths).into_iter().zip(&arrays) {
            assert_close(part, array, 0.0);
        }
        let stacked = Tensor::stack(&[tensors[0]; 3], axis);
        prop_assert_eq!(stacked.select(axis, 2).data(), tensors[0].data());
        prop_assert_eq!(tape.error(), None);
    }
}

#[test]
fn chunks_are_equal_but_for_the_last() {
    let tape = Tape::new();
    let x = Naive::sample(&[2, 7], 3).on(&tape);
    let lengths = |count| x.chunk(1, count).iter().map(|part| part.shape()[1]).collect::<Vec<_>>();
    assert_eq!(lengths(3), [3, 3, 1]);
    assert_eq!(lengths(7), [1; 7]);
    assert_eq!(lengths(5), [2, 2, 2, 1, 0]);
}

#[test]
fn what_does_not_fit_is_refused_with_the_line() {
    type Case = (&'static str, for<'t> fn(Tensor<'t>) -> Tensor<'t>);
    let cases: [Case; 10] = [
        ("a range within the 3 elements", |x| x.slice(1, 2..4)),
        ("a step other than 0", |x| x.slice_step(1, 0..3, 0)),
        ("an axis 2", |x| x.slice(2, 0..0)),
        ("an axis 5", |x| x.flip(5)),
        ("an index below 2", |x| x.select(0, 2)),
        ("two different axes", |x| x.diagonal(0, 1, 1)),
        ("equal lengths along all axes but axis 1", |x| Tensor::concat(&[x, x.t()], 1)),
        ("lengths of sum 3", |x| x.split(1, &[1, 1])[0]),
        ("more than 3 elements", |x| x.pad_reflect(1, 0, 3)),
        ("a count for each axis", |x| x.tile(&[2])),
    ];
    for (needs, case) in cases {
        let tape = Tape::new();
        case(Naive::sample(&[2, 3], 1).on(&tape));
        let error = tape.error().expect(needs).to_string();
        assert!(error.contains(needs), "{error}");
        assert!(error.contains("layout.rs"), "{error}");
    }
}
