//! Data sets: validation, splits, batches, standardisation.

use dualtape_autodiff::Array;
use dualtape_layers::{Dataset, Error, Standardize, one_hot, table, windows};
use proptest::prelude::*;

use crate::support::{rng, wave};

/// `n` rows whose only input is the row's number, with `classes` classes in turn.
fn numbered(n: usize, classes: usize) -> (Dataset<f64>, Vec<usize>) {
    let rows: Vec<[f64; 1]> = (0..n).map(|row| [row as f64]).collect();
    let labels: Vec<usize> = (0..n).map(|row| row % classes).collect();
    (Dataset::classification(table(&rows).unwrap(), &labels, classes).unwrap(), labels)
}

fn numbers(data: &Dataset<f64>) -> Vec<usize> {
    data.inputs().data().iter().map(|&row| row as usize).collect()
}

#[test]
fn bad_data_is_refused_with_its_place() {
    let good = wave::<f64>(&[3, 2], 1.0, 0.5);
    let mut spoilt = good.data().to_vec();
    spoilt[5] = f64::INFINITY;
    let bad = Array::new(&[3, 2], spoilt).unwrap();
    let refused = |inputs: &Array<f64>, targets: &Array<f64>| {
        Dataset::new(inputs.clone(), targets.clone()).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&bad, &good),
        "the inputs hold inf in row 2, column 1; remove or impute such rows first"
    );
    assert_eq!(
        refused(&good, &bad),
        "the targets hold inf in row 2, column 1; remove or impute such rows first"
    );
    assert_eq!(
        refused(&good, &wave(&[4, 2], 1.0, 0.5)),
        "the inputs have 3 rows, but the targets have 4; each row needs its counterpart"
    );
    assert_eq!(refused(&Array::zeros(&[0, 2]), &good), "the inputs must not be empty");
    assert_eq!(
        refused(&Array::zeros(&[]), &good),
        "the inputs have shape [], but [rows, …] is needed"
    );
    assert_eq!(
        one_hot::<f64>(&[0, 3, 5], 3),
        Err(Error::LabelOutOfRange { row: 1, label: 3, classes: 3 })
    );
    assert_eq!(one_hot::<f64>(&[], 3), Err(Error::Empty { what: "the labels" }));
    assert_eq!(one_hot::<f64>(&[0], 0), Err(Error::Empty { what: "the set of classes" }));
    for classes in [usize::MAX, 1 << 61, 1 << 58] {
        let (what, rows, columns) = ("the one-hot labels", 16, classes);
        let refused = one_hot::<f64>(&[0; 16], classes);
        assert_eq!(refused, Err(Error::TooLarge { what, rows, columns }));
    }
    assert_eq!(table::<f64, Vec<f64>>(&[]), Err(Error::Empty { what: "the rows of a table" }));
}

#[test]
fn gather_takes_rows_in_order() {
    let inputs = wave::<f32>(&[4, 2, 3], 1.0, 0.5);
    let data = Dataset::classification(inputs.clone(), &[0, 1, 1, 0], 2).unwrap();
    let some = data.gather(&[3, 1, 3]).unwrap();
    assert_eq!(some.inputs().shape(), [3, 2, 3]);
    let row = |row: usize| &inputs.data()[6 * row..][..6];
    assert_eq!(some.inputs().data(), [row(3), row(1), row(3)].concat());
    assert_eq!(some.targets().data(), [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    assert_eq!(data.gather(&[0, 4]), Err(Error::NoSuchRow { index: 4, rows: 4 }));
    assert_eq!(data.gather(&[]), Err(Error::Empty { what: "the set of rows" }));
}

#[test]
fn splits_that_make_no_sense_are_refused() {
    let (data, _) = numbered(6, 2);
    for fractions in [[0.5, 0.4], [1.2, -0.2], [f64::NAN, 0.5], [1.0, 0.0]] {
        let refused = data.split(fractions, &mut rng(1)).unwrap_err();
        assert!(matches!(refused, Error::Fractions { .. }), "{refused:?}");
    }
    assert_eq!(
        data.split([0.95, 0.05], &mut rng(1)),
        Err(Error::EmptyPart { part: 1, rows: 6, fractions: vec![0.95, 0.05] })
    );
    assert_eq!(
        data.split_stratified([0.5, 0.5], &[0; 5], &mut rng(1)).unwrap_err().to_string(),
        "the inputs have 6 rows, but the strata have 5; each row needs its counterpart"
    );
    assert_eq!(data.batches(0, &mut rng(1)), Err(Error::BatchSize));
}

#[test]
fn the_seed_decides_the_split_and_the_batches() {
    let (data, _) = numbered(30, 3);
    let split = |seed| data.split([0.7, 0.3], &mut rng(seed)).unwrap();
    assert_eq!(split(4), split(4));
    assert_ne!(split(4), split(5));
    let batches = |seed| data.batches(8, &mut rng(seed)).unwrap();
    assert_eq!(batches(4), batches(4));
    assert_ne!(batches(4), batches(5));
    assert_eq!(batches(4).iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 8, 6]);
    let mut all = batches(4).concat();
    assert_ne!(all, (0..30).collect::<Vec<_>>());
    all.sort_unstable();
    assert_eq!(all, (0..30).collect::<Vec<_>>());
}

#[test]
fn every_row_can_come_into_every_part() {
    let (data, labels) = numbered(6, 2);
    let mut seen = [0; 6];
    for seed in 0..200 {
        let [_, test] =
            data.split_stratified([2.0 / 3.0, 1.0 / 3.0], &labels, &mut rng(seed)).unwrap();
        for row in numbers(&test) {
            seen[row] += 1;
        }
    }
    // 400 places for 6 rows, each row with probability 1/3: 66.7 ± 6.7
    assert!(seen.iter().all(|&n| (33..100).contains(&n)), "{seen:?}");
}

proptest! {
    #[test]
    fn splits_share_everything_out_in_proportion(
        n in 20_usize..200, classes in 1_usize..5, weights in prop::array::uniform3(1.0..4.0_f64),
        seed in any::<u64>(),
    ) {
        let (data, labels) = numbered(n, classes);
        let total: f64 = weights.iter().sum();
        let fractions = weights.map(|w| w / total);
        let parts = data.split_stratified(fractions, &labels, &mut rng(seed)).unwrap();

        let mut all: Vec<usize> = parts.iter().flat_map(numbers).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        for (part, fraction) in parts.iter().zip(fractions) {
            prop_assert!((part.len() as f64 - fraction * n as f64).abs() < 1.0);
            let rows = numbers(part);
            prop_assert!(rows.is_sorted());
            for class in 0..classes {
                let of_class = |row: &&usize| labels[**row] == class;
                let count = rows.iter().filter(of_class).count() as f64;
                let size = labels.iter().filter(|&&label| label == class).count() as f64;
                prop_assert!((count - fraction * size).abs() < 2.0);
            }
        }
    }

    #[test]
    fn standardised_columns_have_mean_zero_and_deviation_one(
        rows in 2_usize..40, frequency in 0.1..3.0_f64, offset in -1e6..1e6_f64,
    ) {
        let raw = wave::<f64>(&[rows, 2], 3.0, frequency);
        let shifted = raw.data().chunks(2).flat_map(|row| [row[0] + offset, 7.3]).collect();
        let inputs = Array::new(&[rows, 2], shifted).unwrap();
        let fitted = Standardize::fit(&inputs).unwrap();
        let standardized = fitted.array(&inputs).unwrap();
        let column = |j: usize| standardized.data().iter().skip(j).step_by(2);
        let n = rows as f64;
        let mean = column(0).sum::<f64>() / n;
        let variance = column(0).map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        // The offset costs digits in proportion to its size against the deviation.
        let tolerance = 8.0 * n * f64::EPSILON * (1.0 + (3.0 + offset.abs()) / fitted.scale()[0]);
        prop_assert!(mean.abs() < tolerance, "mean {}", mean);
        prop_assert!((variance - 1.0).abs() < tolerance, "variance {}", variance);
        prop_assert!(column(1).all(|&x| x == 0.0));
    }
}

#[test]
fn standardising_uses_the_statistics_it_was_fitted_with() {
    let train = table(&[[1.0, 10.0], [3.0, 30.0]]).unwrap();
    let scale = Standardize::fit(&train).unwrap();
    assert_eq!((scale.mean(), scale.scale()), (&[2.0, 20.0][..], &[1.0, 10.0][..]));
    let test = table(&[[5.0, 0.0]]).unwrap();
    assert_eq!(scale.array(&test).unwrap().data(), [3.0, -2.0]);
    assert_eq!(
        scale.array(&table(&[[1.0, 2.0, 3.0]]).unwrap()).unwrap_err().to_string(),
        "the rows have shape [1, 3], but [rows, …] with 2 entries to a row is needed"
    );
    let huge = table(&[[-1e300], [1e300]]).unwrap();
    assert_eq!(Standardize::fit(&huge).unwrap().array(&huge).unwrap().data(), [-1.0, 1.0]);
}

#[test]
fn side_arrays_go_with_their_rows() {
    let (data, labels) = numbered(10, 2);
    let lengths = Array::vector((0..10).map(|row| 100.0 + row as f64).collect());
    let data = data.with_side("lengths", Array::zeros(&[10, 2])).unwrap();
    let data = data.with_side("mask", Array::zeros(&[10, 2, 2])).unwrap();
    let data = data.with_side("lengths", lengths).unwrap();
    let side = |data: &Dataset<f64>| {
        let [(mask, bits), (name, lengths)] = data.side() else { panic!("{:?}", data.side()) };
        assert_eq!((mask.as_str(), name.as_str()), ("mask", "lengths"));
        assert_eq!(bits.shape(), [data.len(), 2, 2]);
        let expected: Vec<f64> = numbers(data).iter().map(|&row| 100.0 + row as f64).collect();
        assert_eq!(lengths.data(), expected);
    };
    for part in data.split_stratified([0.5, 0.5], &labels, &mut rng(1)).unwrap() {
        side(&part);
    }
    side(&data.gather(&[3, 3, 0]).unwrap());
    let scale = Standardize::fit(data.targets()).unwrap();
    side(&scale.dataset_targets(&data).unwrap());
    assert_eq!(
        Standardize::fit(data.inputs()).unwrap().dataset(&data).unwrap().side(),
        data.side()
    );
    assert_eq!(
        data.with_side("x", Array::vector(vec![1.0])).unwrap_err().to_string(),
        "the inputs have 10 rows, but the side array have 1; each row needs its counterpart"
    );
}

#[test]
fn labels_are_read_back() {
    let inputs = wave::<f32>(&[3, 2], 1.0, 0.5);
    let data = Dataset::labelled(inputs.clone(), &[4, 0, 2], 5).unwrap();
    assert_eq!(data.targets().shape(), [3]);
    assert_eq!(data.labels().unwrap(), [4, 0, 2]);
    assert_eq!(
        Dataset::labelled(inputs.clone(), &[4, 5, 2], 5),
        Err(Error::LabelOutOfRange { row: 1, label: 5, classes: 5 })
    );
    for bad in [-1.0, 0.5] {
        let data = Dataset::new(inputs.clone(), Array::vector(vec![0.0, bad, 1.0])).unwrap();
        assert_eq!(data.labels(), Err(Error::NotALabel { row: 1, value: f64::from(bad) }));
    }
    let one_hot = Dataset::classification(inputs, &[0, 1, 0], 2).unwrap();
    assert!(matches!(one_hot.labels(), Err(Error::Shape { .. })));
}

#[test]
fn windows_follow_the_series() {
    let series = wave::<f64>(&[7, 2], 1.0, 0.5);
    let data = windows(&series, 3, 2).unwrap();
    assert_eq!((data.inputs().shape(), data.targets().shape()), (&[3, 3, 2][..], &[3, 2, 2][..]));
    for window in 0..3 {
        let steps = &series.data()[2 * window..];
        assert_eq!(data.inputs().data()[6 * window..][..6], steps[..6]);
        assert_eq!(data.targets().data()[4 * window..][..4], steps[6..10]);
    }
    assert_eq!(windows(&series, 5, 2).unwrap().len(), 1);
    assert_eq!(
        windows(&series, 6, 2),
        Err(Error::SeriesTooShort { steps: 7, length: 6, horizon: 2 })
    );
    assert!(windows(&series, usize::MAX, 2).is_err());
    assert!(windows(&series, 0, 2).is_err() && windows(&series, 2, 0).is_err());
}

#[test]
fn standardisation_is_taken_back() {
    let rows = table(&[[1.0, 7.0, -3.0], [3.0, 7.0, 5.0], [4.5, 7.0, 0.0]]).unwrap();
    let scale = Standardize::fit(&rows).unwrap();
    let there = scale.array(&rows).unwrap();
    let back = scale.inverse(&there).unwrap();
    crate::support::assert_close("rows", back.data(), rows.data(), 4.0 * f64::EPSILON);
    assert!(scale.inverse(&table(&[[1.0]]).unwrap()).is_err());
}

proptest! {
    #[test]
    fn folds_share_out_the_rows(
        n in 4..40_usize, folds in 2..5_usize, classes in 1..4_usize, seed in 0..1000_u64
    ) {
        let (data, labels) = numbered(n, classes);
        let runs = data.k_fold_stratified(folds.min(n), &labels, &mut rng(seed)).unwrap();
        prop_assert_eq!(
            &runs, &data.k_fold_stratified(folds.min(n), &labels, &mut rng(seed)).unwrap()
        );
        prop_assert_eq!(runs.len(), folds);
        let mut validated: Vec<usize> = Vec::new();
        for [train, validation] in &runs {
            prop_assert!(train.iter().all(|row| !validation.contains(row)));
            prop_assert_eq!(train.len() + validation.len(), n);
            prop_assert!(validation.len().abs_diff(n / folds) <= 1);
            for class in 0..classes {
                let of_class = |rows: &[usize]| rows.iter().filter(|&&r| labels[r] == class).count();
                let all: Vec<usize> = (0..n).collect();
                prop_assert!(of_class(validation).abs_diff(of_class(&all) / folds) <= 1);
            }
            validated.extend(validation);
        }
        validated.sort_unstable();
        prop_assert_eq!(validated, (0..n).collect::<Vec<_>>());
    }
}

#[test]
fn folds_that_make_no_sense_are_refused() {
    let (data, _) = numbered(6, 2);
    for folds in [0, 1, 7] {
        assert_eq!(data.k_fold(folds, &mut rng(1)), Err(Error::Folds { folds, rows: 6 }));
    }
    assert!(data.k_fold_stratified(2, &[0; 5], &mut rng(1)).is_err());
    assert_ne!(data.k_fold(2, &mut rng(1)).unwrap(), data.k_fold(2, &mut rng(2)).unwrap());
}
