//! Recurrent networks.

use dualtape_autodiff::{Array, Real, Tape, record};
use dualtape_layers::{Cell, Linear, Mode, Module, Recurrent, RecurrentState, Sequential, predict};

use crate::oracles::{case, tensor, theta};
use crate::sequences::{check, check_derivatives, layout, output, refused, scalar, sines};
use crate::support::{assert_close, rng, wave};

const RNN: &str = include_str!("../data/nn_rnn.json");

fn inputs<S: Real>() -> Array<S> {
    sines(&[3, 4, 2], [1.0, 0.73, 0.4])
}

fn lengths<S: Real>() -> Array<S> {
    Array::vector([2.0, 4.0, 1.0].map(S::constant).to_vec())
}

/// The cases are named by what is unlike one forward layer.
fn recurrent(name: &str) -> Recurrent {
    let mut parts = name.split('/');
    let cell = match parts.next().unwrap() {
        "tanh" => Cell::Tanh,
        "relu" => Cell::Relu,
        "lstm" => Cell::Lstm,
        _ => Cell::Gru,
    };
    let layers = parts.next().unwrap().parse().unwrap();
    parts.fold(Recurrent::new(cell, 2, 3).layers(layers), |model, part| match part {
        "bidirectional" => model.bidirectional(),
        "lengths" => model.lengths_from("lengths"),
        "projection" => model.projection(2),
        "no bias" => model.without_bias(),
        "initial" => model,
        other => panic!("{other}"),
    })
}

#[test]
fn recurrent_networks_agree_with_pytorch() {
    let names = [
        "tanh/1",
        "tanh/2/bidirectional/lengths",
        "relu/1",
        "relu/2/bidirectional/lengths",
        "lstm/1",
        "lstm/2/bidirectional/lengths",
        "gru/1",
        "gru/2/bidirectional/lengths",
        "lstm/2/lengths/initial",
        "gru/1/bidirectional/initial",
        "gru/1/lengths/no bias",
        "lstm/1/bidirectional/lengths/projection",
    ];
    for name in names {
        let model = recurrent(name);
        let layout = layout(&model);
        // two layers or two directions
        let hidden = sines(&[2, 3, 3], [0.5, 0.37, 0.9]);
        let cell = sines(&[2, 3, 3], [0.7, 0.53, 0.2]);
        check(name, &layout, &[&inputs(), &lengths(), &hidden, &cell], |scope, data| {
            let scope = scope.clone().with_side_input("lengths", data[1]);
            let lstm = name.starts_with("lstm");
            let initial = name
                .ends_with("initial")
                .then(|| RecurrentState { hidden: data[2], cell: lstm.then_some(data[3]) });
            let output = model.unroll(&scope, data[0], initial);
            let mut all = vec![output.sequence, output.state.hidden];
            all.extend(output.state.cell);
            all
        });
    }
}

#[test]
fn elman_network_of_the_oracle() {
    let case = case(RNN, "rnn/rnn_tanh");
    let model =
        Sequential::new().then(Recurrent::rnn(3, 4).time_first().last()).then(Linear::new(4, 2));
    let layout = layout(&model);
    let theta = theta(&case);
    let (x, y) = (tensor(&case["data"]["x"]), tensor(&case["data"]["y"]));
    let function = record(&theta).data(&[&x, &y]).function(|theta, data| {
        (model.forward(&layout.bind(theta), data[0]) - data[1]).powi(2).mean()
    });
    let expected = [&case["loss"], &case["grad"], &case["hvp"]];
    check_derivatives("rnn/rnn_tanh", &function.unwrap(), &theta, expected);
}

#[test]
fn each_sequence_ends_at_its_own_length() {
    for &cell in Cell::ALL {
        let model = Recurrent::new(cell, 2, 3).layers(2).bidirectional().lengths_from("lengths");
        let theta: Vec<f64> = model.init(&mut rng(3));
        let all = output(&model, &theta, &inputs(), &[("lengths", &lengths())]).unwrap();
        let last = model.clone().last();
        let ends = output(&last, &theta, &inputs(), &[("lengths", &lengths())]).unwrap();
        for (row, length) in [2, 4, 1].into_iter().enumerate() {
            let x = inputs::<f64>().data()[row * 8..][..length * 2].to_vec();
            let x = Array::new(&[1, length, 2], x).unwrap();
            let alone = Recurrent::new(cell, 2, 3).layers(2).bidirectional();
            let expected = predict(&alone, &theta, &x).unwrap();
            let mut padded = expected.data().to_vec();
            padded.resize(4 * 6, 0.0);
            assert_close("sequence", &all.data()[row * 24..][..24], &padded, 1e-14);
            let expected = predict(&alone.last(), &theta, &x).unwrap();
            assert_close("last", &ends.data()[row * 6..][..6], expected.data(), 1e-14);
        }
    }
}

#[test]
fn steps_that_are_masked_are_passed_over() {
    let model = Recurrent::gru(2, 3).mask_from("mask");
    let theta: Vec<f64> = model.init(&mut rng(4));
    let x = sines::<f64>(&[1, 4, 2], [1.0, 0.73, 0.4]);
    let mask = Array::new(&[1, 4], vec![1.0, 0.0, 1.0, 0.0]).unwrap();
    let y = output(&model, &theta, &x, &[("mask", &mask)]).unwrap();
    let left = [&x.data()[0..2], &x.data()[4..6]].concat();
    let left = Array::new(&[1, 2, 2], left).unwrap();
    let expected = predict(&Recurrent::gru(2, 3), &theta, &left).unwrap();
    let zeros = [0.0; 3];
    let expected = [&expected.data()[..3], &zeros, &expected.data()[3..], &zeros].concat();
    assert_close("sequence", y.data(), &expected, 1e-15);
}

/// Numbers beyond the ends, however bad, change neither outputs nor derivatives.
#[test]
fn what_lies_beyond_an_end_has_no_influence() {
    let model = Recurrent::lstm(2, 3).bidirectional().lengths_from("lengths");
    let layout = layout(&model);
    let theta: Vec<f64> = model.init(&mut rng(5));
    let v = wave::<f64>(&[theta.len()], 1.0, 1.9).data().to_vec();
    let derivatives = |x: &Array<f64>| {
        let f = record(&theta)
            .data(&[x, &lengths()])
            .function(|theta, data| {
                let scope = layout.bind(theta).with_side_input("lengths", data[1]);
                scalar(&[model.forward(&scope, data[0])])
            })
            .unwrap();
        let mut hv = vec![0.0; v.len()];
        f.hvp_into(&theta, &v, &mut hv).unwrap();
        (f.gradient(&theta).unwrap(), hv)
    };
    let mut filled = inputs::<f64>().data().to_vec();
    for (row, length) in [2, 4, 1].into_iter().enumerate() {
        filled[row * 8..][..8][2 * length..].fill(1e6);
    }
    let filled = Array::new(&[3, 4, 2], filled).unwrap();
    assert_eq!(derivatives(&inputs()), derivatives(&filled));
}

/// Other lengths are other data: nothing is recorded again.
#[test]
fn lengths_are_swapped_in() {
    let model = Recurrent::gru(2, 3).last().lengths_from("lengths");
    let layout = layout(&model);
    let theta: Vec<f64> = model.init(&mut rng(6));
    let record = |lengths: &Array<f64>| {
        let (model, layout) = (model.clone(), layout.clone());
        record(&theta).data(&[&inputs(), lengths]).function(move |theta, data| {
            let scope = layout.bind(theta).with_side_input("lengths", data[1]);
            scalar(&[model.forward(&scope, data[0])])
        })
    };
    let swapped = record(&lengths()).unwrap();
    for other in [[4.0, 4.0, 4.0], [1.0, 3.0, 0.0]] {
        let other = Array::vector(other.to_vec());
        swapped.set_data(1, &other).unwrap();
        let expected = record(&other).unwrap().gradient(&theta).unwrap();
        assert_eq!(swapped.gradient(&theta).unwrap(), expected);
    }
    for wrong in [5.0, -1.0, 1.5, f64::NAN] {
        let wrong = Array::vector(vec![1.0, wrong, 2.0]);
        assert!(record(&wrong).is_err());
        swapped.set_data(1, &wrong).unwrap();
        assert!(swapped.gradient(&theta).is_err(), "{wrong:?}");
    }
}

#[test]
fn time_first_is_the_same_network_with_other_axes() {
    let model = Recurrent::lstm(2, 3).layers(2).bidirectional();
    let theta: Vec<f64> = model.init(&mut rng(7));
    let swap = |x: &Array<f64>| {
        let tape = Tape::<f64>::new();
        let y = tape.constant(x).swap_axes(0, 1);
        Array::new(y.shape(), y.data().to_vec()).unwrap()
    };
    let expected = predict(&model, &theta, &inputs()).unwrap();
    let y = predict(&model.clone().time_first(), &theta, &swap(&inputs())).unwrap();
    assert_eq!(y, swap(&expected));
    let last = predict(&model.clone().time_first().last(), &theta, &swap(&inputs())).unwrap();
    assert_eq!(last, predict(&model.last(), &theta, &inputs()).unwrap());
}

#[test]
fn one_step_of_one_sequence() {
    for &cell in Cell::ALL {
        let model = Recurrent::new(cell, 2, 3).layers(2).bidirectional();
        let theta: Vec<f64> = model.init(&mut rng(8));
        let x = sines::<f64>(&[1, 1, 2], [1.0, 0.73, 0.4]);
        let sequence = predict(&model, &theta, &x).unwrap();
        let last = predict(&model.last(), &theta, &x).unwrap();
        assert_eq!((sequence.shape(), last.shape()), (&[1, 1, 6][..], &[1, 6][..]));
        assert_eq!(sequence.data(), last.data());
    }
}

#[test]
fn recurrent_networks_in_single_precision() {
    for &cell in Cell::ALL {
        let model = Recurrent::new(cell, 2, 3).bidirectional().last();
        let double: Vec<f64> = model.init(&mut rng(9));
        let single: Vec<f32> = model.init(&mut rng(9));
        let expected = predict(&model, &double, &inputs()).unwrap();
        let y = predict(&model, &single, &inputs()).unwrap();
        assert_close("output", y.data(), expected.data(), 32.0 * f64::from(f32::EPSILON));
    }
}

/// Between layers, in training, each feature is dropped or doubled.
#[test]
fn dropout_is_between_layers() {
    let trained = |model: &Recurrent| {
        let layout = layout(model);
        let tape = Tape::<f64>::new();
        let theta = tape.constant(&Array::vector(layout.sample(&mut rng(10))));
        let scope = layout.bind_in(theta, Mode::Train);
        let y = model.forward(&scope, tape.constant(&inputs()));
        (tape.error(), y.data().to_vec())
    };
    let (one, two) = (Recurrent::rnn(2, 3), Recurrent::rnn(2, 3).layers(2));
    assert_eq!(trained(&one.clone().dropout(0.5)), trained(&one));
    assert_ne!(trained(&two.clone().dropout(0.5)), trained(&two));
    let theta: Vec<f64> = two.init(&mut rng(10));
    let evaluated = |model: &Recurrent| predict(model, &theta, &inputs()).unwrap();
    assert_eq!(evaluated(&two.clone().dropout(0.5)), evaluated(&two));
    assert!(trained(&two.dropout(1.5)).0.unwrap().to_string().contains("probability"));
}

#[test]
fn initial_values_and_names_are_those_of_pytorch() {
    let model = Recurrent::lstm(2, 4).bidirectional().projection(3);
    let layout = layout(&model);
    let views: Vec<_> = layout.iter().map(|view| (view.name(), view.shape().to_vec())).collect();
    let one = |ending: &str| {
        [
            (format!("weight_ih_l0{ending}"), vec![16, 2]),
            (format!("weight_hh_l0{ending}"), vec![16, 3]),
            (format!("bias_ih_l0{ending}"), vec![16]),
            (format!("bias_hh_l0{ending}"), vec![16]),
            (format!("weight_hr_l0{ending}"), vec![3, 4]),
        ]
    };
    let expected = [one(""), one("_reverse")].concat();
    let expected: Vec<_> =
        expected.iter().map(|(name, shape)| (name.as_str(), shape.clone())).collect();
    assert_eq!(views, expected);
    let theta: Vec<f64> = model.init(&mut rng(11));
    assert!(theta.iter().all(|x| x.abs() <= 0.5) && theta.iter().any(|x| x.abs() > 0.45));
    assert_eq!(Module::<f64>::describe(&model), "LSTM(2 → 4 → 3, bidirectional)");
}

#[test]
fn recurrent_networks_that_cannot_be_are_refused() {
    let rnn = Recurrent::rnn(2, 3);
    refused(&rnn, &[3, 4], "[batch, steps, 2]");
    refused(&rnn, &[3, 4, 5], "shapes [[3, 4, 5]] do not fit Recurrent");
    refused(&rnn, &[3, 0, 2], "at least one step");
    refused(&rnn.clone().time_first(), &[0, 3, 2], "[steps, batch, 2]");
    refused(&rnn.clone().layers(0), &[3, 4, 2], "at least 1 layer");
    refused(&Recurrent::gru(2, 0), &[3, 4, 2], "1 hidden unit");
    refused(&Recurrent::gru(2, 3).projection(2), &[3, 4, 2], "not one of Gru to 2");
    refused(&Recurrent::lstm(2, 3).projection(3), &[3, 4, 2], "1 up to 2 features");
    refused(&rnn.clone().lengths_from("ends"), &[3, 4, 2], "shape [3] by the name `ends`");
    let theta: Vec<f64> = rnn.init(&mut rng(1));
    let wrong = [("mask", &wave(&[4, 3], 1.0, 0.7))];
    let refused = output(&rnn.mask_from("mask"), &theta, &inputs(), &wrong).unwrap_err();
    assert!(refused.to_string().contains("[[4, 3]] do not fit a side input"), "{refused}");
}

/// What an array holds beyond the end of a sequence has no influence, on derivatives neither.
#[test]
fn steps_that_do_not_count_have_no_influence_whatever_they_hold() {
    for &cell in Cell::ALL {
        let model = Recurrent::new(cell, 2, 3).layers(2).bidirectional().lengths_from("lengths");
        let layout = layout(&model);
        let theta = wave::<f64>(&[layout.len()], 0.7, 1.3).data().to_vec();
        let v = wave::<f64>(&[layout.len()], 1.0, 0.9).data().to_vec();
        let with = |held: f64| {
            let (mut x, shape) = (inputs::<f64>(), inputs::<f64>().shape().to_vec());
            let ends: Vec<usize> =
                lengths::<f64>().data().iter().map(|&length| length as usize).collect();
            let mut data = std::mem::replace(&mut x, Array::zeros(&[0])).data().to_vec();
            for (row, end) in ends.iter().enumerate() {
                data[(row * shape[1] + end) * 2..(row + 1) * shape[1] * 2].fill(held);
            }
            let x = Array::new(&shape, data).unwrap();
            let f = record(&theta).data(&[&x, &lengths()]).function(|theta, data| {
                let scope = layout.bind(theta).with_side_input("lengths", data[1]);
                model.forward(&scope, data[0]).powi(2).sum()
            });
            let f = f.unwrap();
            let mut hv = vec![0.0; v.len()];
            f.hvp_into(&theta, &v, &mut hv).unwrap();
            [vec![f.value(&theta).unwrap()], f.gradient(&theta).unwrap(), hv]
        };
        let expected = with(0.0);
        assert!(expected.iter().flatten().all(|x| x.is_finite()));
        for held in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(with(held), expected, "{cell:?}, {held}");
        }
    }
}
