//! Indexing, choosing and comparing against their definitions.

use dualtape_autodiff::{Array, Error, Tape, Tensor, custom::Fault, hessian, record};
use proptest::prelude::*;

use super::support::{Naive, indices, size, with};
use super::transposes::shapes;

proptest! {
    #[test]
    fn gather_and_take(shape in shapes(), pick in 0..4096_usize) {
        let axis = pick % shape.len();
        let n = shape[axis];
        prop_assume!(n > 0);
        let count = pick / 4 % 4;
        let x = Naive::sample(&shape, 1);
        let at = Naive::from_fn(&with(&shape, axis, count), |i| {
            ((i.iter().sum::<usize>() * 5 + pick) % n) as f64
        });
        let along = Naive::from_fn(&at.shape, |i| x.at(&with(i, axis, at.at(i) as usize)));
        x.check(|x| x.gather(axis, at.on(x.tape())), &along, 0.0);

        let at = Naive::from_fn(&[2, count], |i| ((i[0] * 3 + i[1] * 2 + pick) % n) as f64);
        let taken = [&shape[..axis], &[2, count], &shape[axis + 1..]].concat();
        let taken = Naive::from_fn(&taken, |i| {
            let index = at.at(&i[axis..axis + 2]) as usize;
            x.at(&[&i[..axis], &[index], &i[axis + 2..]].concat())
        });
        x.check(|x| x.take(axis, at.on(x.tape())), &taken, 0.0);
    }

    #[test]
    fn scatter_adds_what_falls_together(shape in shapes(), pick in 0..4096_usize) {
        let axis = pick % shape.len();
        let length = 1 + pick / 4 % 4;
        let x = Naive::sample(&shape, 1);
        let at = Naive::from_fn(&shape, |i| ((i.iter().sum::<usize>() * 5 + pick) % length) as f64);
        let mut expected = Naive::from_fn(&with(&shape, axis, length), |_| 0.0);
        let flat = |i: &[usize]| indices(&expected.shape).iter().position(|j| j[..] == *i);
        let mut sums = expected.data.clone();
        for i in indices(&shape) {
            sums[flat(&with(&i, axis, at.at(&i) as usize)).expect("within")] += x.at(&i);
        }
        expected.data = sums;
        x.check(|x| x.scatter_add(axis, at.on(x.tape()), length), &expected, 8.0);
    }

    #[test]
    fn comparisons_and_choices_broadcast(shape in shapes(), pick in 0..64_usize) {
        let row: Vec<usize> = shape.iter().enumerate()
            .map(|(i, &n)| if pick >> i & 1 == 1 { n } else { n.min(1) }).collect();
        let x = Naive::sample(&shape, 1);
        // Some elements are equal.
        let y = Naive::from_fn(&row, |i| {
            if i.iter().sum::<usize>() % 2 == 0 && size(&shape) > 0 { x.data[0] } else { 0.1 }
        });
        let of_row = |i: &[usize]| {
            y.at(&i.iter().zip(&row).map(|(&i, &n)| i.min(n.max(1) - 1)).collect::<Vec<_>>())
        };
        type Compare = for<'t> fn(Tensor<'t>, Tensor<'t>) -> Tensor<'t>;
        type Holds = fn(&f64, &f64) -> bool;
        let comparisons: [(Compare, Holds); 6] = [
            (|a, b| a.lt(b), |a, b| a < b),
            (|a, b| a.le(b), |a, b| a <= b),
            (|a, b| a.gt(b), |a, b| a > b),
            (|a, b| a.ge(b), |a, b| a >= b),
            (|a, b| a.eq(b), |a, b| a == b),
            (|a, b| a.ne(b), |a, b| a != b),
        ];
        for (compare, holds) in comparisons {
            let held = Naive::from_fn(&shape, |i| f64::from(holds(&x.at(i), &of_row(i))));
            x.check(|x| compare(x, y.on(x.tape())), &held, 0.0);
            let chosen = Naive::from_fn(&shape, |i| {
                if holds(&x.at(i), &of_row(i)) { of_row(i) } else { 2.0 * x.at(i) }
            });
            x.check(|x| { let y = y.on(x.tape()); compare(x, y).where_cond(y, x * 2.0) }, &chosen, 0.0);
        }
    }

    #[test]
    fn argmax_is_the_first_largest(shape in shapes(), pick in 0..64_usize) {
        let axis = pick % shape.len();
        prop_assume!(shape[axis] > 0);
        let mut x = Naive::sample(&shape, pick as u64);
        x.data.iter_mut().for_each(|x| *x = (*x * 2.0).round());
        let mut outer = shape.clone();
        outer.remove(axis);
        let first = |better: fn(f64, f64) -> bool| Naive::from_fn(&outer, |i| {
            let at = |k: usize| x.at(&[&i[..axis], &[k], &i[axis..]].concat());
            (0..shape[axis]).fold(0, |best, k| if better(at(k), at(best)) { k } else { best }) as f64
        });
        x.check(|x| x.argmax(axis), &first(|a, b| a > b), 0.0);
        x.check(|x| x.argmin(axis), &first(|a, b| a < b), 0.0);
    }
}

#[test]
fn indices_that_are_none_are_refused_with_the_line() {
    let tape = Tape::new();
    let table = Naive::sample(&[3, 2], 1).on(&tape);
    for wrong in [3.0, -1.0, 0.5, f64::NAN, f64::INFINITY] {
        let tape = Tape::new();
        let table = Naive::sample(&[3, 2], 1).on(&tape);
        table.embedding(tape.constant(&Array::vector(vec![1.0, wrong])));
        let Some(Error::Failed { fault: Fault::Index { index, length: 3 }, at, .. }) = tape.error()
        else {
            panic!("{wrong}: {:?}", tape.error())
        };
        assert!(index.to_bits() == wrong.to_bits() && at.file().ends_with("indexing.rs"));
    }
    table.index_select(1, &[0, 2]);
    assert!(matches!(
        tape.error(),
        Some(Error::Failed { fault: Fault::Index { length: 2, .. }, .. })
    ));
}

/// A Hessian through a look-up: rows that are read twice are squared twice.
#[test]
fn rows_read_twice_count_twice() -> Result<(), Error> {
    let f = record(&[0.0; 3]).array().function(|x| x.index_select(0, &[0, 2, 2]).powi(3).sum())?;
    let h = f.hessian(&[1.0, 2.0, 3.0])?;
    assert_eq!(h.as_slice(), [6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 36.0]);
    let h = hessian(
        |x| {
            Tensor::from_vars(x[0].tape().expect("input"), x)
                .index_select(0, &[0, 2, 2])
                .powi(3)
                .sum()
        },
        &[1.0, 2.0, 3.0],
    )?;
    assert_eq!(h[(2, 2)], 36.0);
    Ok(())
}
