//! What single layers promise beside their derivatives: modes, shapes, and which configurations they refuse.

use dualtape_autodiff::{
    Array, Function, Real, Tape,
    inspect::Quantity,
    record,
    windows::{Convolution, Pooling},
};
use dualtape_layers::{
    Activation, AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Bilinear, Conv1d, Conv2d,
    ConvTranspose2d, Dataset, Dropout, Embedding, Flatten, GroupNorm, Init, LayerNorm, Linear,
    MaxPool2d, Mode, Module, Residual, RmsNorm, Sequential, Softmax, cnn, cross_entropy, predict,
    supervised,
};

use crate::support::{rng, wave};

/// The output of a layer with parameters that all differ, in this mode.
fn run<S: Real>(
    layer: &dyn Module<S>,
    mode: Mode,
    x: &Array<S>,
) -> Result<Array<S>, dualtape_autodiff::Error> {
    let layout = layer.layout().unwrap();
    let tape = Tape::new();
    let theta = tape.constant(&wave(&[layout.len()], 0.7, 1.3));
    let y = layer.forward(&layout.bind_in(theta, mode), tape.constant(x));
    tape.error().map_or_else(|| Array::new(y.shape(), y.data().to_vec()), Err)
}

#[track_caller]
fn assert_refused(layer: &dyn Module<f64>, mode: Mode, shape: &[usize], words: &str) {
    let refused = run(layer, mode, &wave(shape, 1.0, 0.7)).unwrap_err().to_string();
    assert!(refused.contains(words), "{refused}");
}

#[test]
fn misconfigurations_are_refused_in_plain_words() {
    let image: &[usize] = &[2, 3, 4, 4];
    let refused: [(&dyn Module<f64>, &[usize], &str); 21] = [
        (&Linear::new(3, 2), &[4], "matmul"),
        (&Linear::new(3, 2), &[2, 5, 4], "matmul"),
        (&Bilinear::new(2, 2, 1), &[3, 5], "[.., 4]"),
        (&Conv2d::new(3, 2, [3, 3]).groups(2), image, "divide 3 channels in and 2 out, not 2"),
        (&Conv2d::new(3, 2, [3, 3]).groups(0), image, "not 0 groups"),
        (&Conv2d::new(3, 3, [5, 5]), image, "a padded image as large as a window"),
        (&Conv2d::new(3, 3, [2, 2]).stride([0, 1]), image, "a positive stride"),
        (&Conv2d::new(2, 3, [2, 2]), image, "[batch, 2, 2 axes]"),
        (&Conv1d::new(3, 3, [2]), image, "[batch, 3, 1 axes]"),
        (
            &ConvTranspose2d::new(3, 3, [2, 2]).output_padding([1, 0]),
            image,
            "an output padding below the stride or the dilation",
        ),
        (&ConvTranspose2d::new(3, 3, [2, 2]).groups(2), image, "divide 3 channels"),
        (&MaxPool2d::new([2, 2]).padding([2, 2]), image, "at most half a window"),
        (&AvgPool2d::new([5, 2]), image, "axes as long as a window"),
        (&AdaptiveAvgPool2d::new([0, 1]), image, "positive lengths"),
        (&Flatten::from_axis(4), image, "an axis 4"),
        (&Softmax::new(4), image, "softmax: an axis 4, of 4"),
        (&LayerNorm::new(&[3]), image, "last axes are [3]"),
        (&RmsNorm::new(&[]), image, "one at least"),
        (&GroupNorm::new(2, 3), image, "2 groups that divide the channels"),
        (&Dropout::new(1.5), image, "a probability in [0, 1], not 1.5"),
        (&Residual::new(Linear::new(4, 1)), image, "a shortcut can fit"),
    ];
    for (layer, shape, words) in refused {
        for mode in [Mode::Train, Mode::Eval] {
            assert_refused(layer, mode, shape, words);
        }
    }
    assert_refused(&BatchNorm2d::new(2), Mode::Train, image, "[batch, 2, ..]");
    assert_refused(&BatchNorm1d::new(3), Mode::Train, &[1, 3], "more than one value");
    assert!(run(&BatchNorm1d::new(3), Mode::Eval, &wave::<f64>(&[1, 3], 1.0, 0.7)).is_ok());
    let small = cnn([1, 3, 3], &[2, 2], &[2], Activation::Relu);
    assert_refused(&small, Mode::Eval, &[1, 1, 3, 3], "axes as long as a window");
}

#[test]
fn indices_must_be_in_the_table() {
    let words = |index: f64| Array::new(&[1, 2], vec![0.0, index]).unwrap();
    for index in [3.0, -1.0, 0.5, f64::NAN] {
        assert!(run(&Embedding::new(3, 2), Mode::Eval, &words(index)).is_err(), "{index}");
    }
    let beyond = Embedding::new(3, 2).padding_index(3);
    let refused = run(&beyond, Mode::Eval, &words(1.0)).unwrap_err().to_string();
    assert!(refused.contains("a padding index below 3, not 3"), "{refused}");
}

#[test]
fn dropout_keeps_the_mean_and_drops_what_it_says() {
    let x = Array::new(&[40, 50, 2, 3], vec![2.0_f64; 12_000]).unwrap();
    let y = run(&Dropout::new(0.3), Mode::Train, &x).unwrap();
    let kept = y.data().iter().filter(|&&y| y != 0.0).count() as f64;
    assert!((kept / 12_000.0 - 0.7).abs() < 5.0 * (0.21_f64 / 12_000.0).sqrt(), "{kept}");
    assert!(y.data().iter().all(|&y| y == 0.0 || (y - 2.0 / 0.7).abs() < 1e-15));

    let y = run(&Dropout::new(0.3).of_channels(), Mode::Train, &x).unwrap();
    let mut dropped = 0;
    for channel in y.data().chunks_exact(6) {
        assert!(channel.iter().all(|y| *y == channel[0]));
        dropped += usize::from(channel[0] == 0.0);
    }
    assert!((dropped as f64 / 2000.0 - 0.3).abs() < 5.0 * (0.21_f64 / 2000.0).sqrt());

    assert_eq!(run(&Dropout::new(1.0), Mode::Train, &x).unwrap().data(), [0.0; 12_000]);
    for (p, mode) in [(0.0, Mode::Train), (0.3, Mode::Eval), (1.0, Mode::Eval)] {
        assert_eq!(run(&Dropout::new(p), mode, &x).unwrap(), x);
    }
}

#[test]
fn residual_connections_by_hand() {
    let x = wave::<f64>(&[2, 3], 1.0, 0.7);
    let body = Sequential::new().then(Linear::new(3, 3).without_bias()).then(Activation::Tanh);
    let theta = wave::<f64>(&[9], 0.7, 1.3).data().to_vec();
    let inner = predict(&body, &theta, &x).unwrap();
    let outer = predict(&Residual::new(body), &theta, &x).unwrap();
    for ((x, inner), outer) in x.data().iter().zip(inner.data()).zip(outer.data()) {
        assert_eq!(x + inner, *outer);
    }
}

#[test]
fn default_initial_values_are_those_of_pytorch() {
    let inits = |layer: &dyn Module<f64>| -> Vec<Init> {
        layer.layout().unwrap().iter().map(|view| view.init()).collect()
    };
    let uniform = |fan_in: f64| {
        let bound = fan_in.sqrt().recip();
        vec![Init::Uniform { low: -bound, high: bound }; 2]
    };
    assert_eq!(inits(&Linear::new(7, 2)), uniform(7.0));
    assert_eq!(inits(&Bilinear::new(5, 3, 2)), uniform(5.0));
    assert_eq!(inits(&Conv2d::new(6, 4, [3, 5]).groups(2)), uniform(45.0));
    // the weight's second axis, which is that of the outputs
    assert_eq!(inits(&ConvTranspose2d::new(6, 4, [3, 5]).groups(2)), uniform(30.0));
    let usual = [Init::Constant(1.0), Init::Zeros];
    assert_eq!(inits(&BatchNorm1d::new(4)), usual);
    assert_eq!(inits(&GroupNorm::new(2, 4)), usual);
    assert_eq!(inits(&LayerNorm::new(&[4])), usual);
    assert_eq!(inits(&Embedding::new(4, 2)), [Init::Normal { mean: 0.0, std: 1.0 }]);
    let chosen = Conv1d::new(2, 2, [1]).weight_init(Init::Zeros).bias_init(Init::Constant(2.0));
    assert_eq!(inits(&chosen), [Init::Zeros, Init::Constant(2.0)]);
}

#[test]
fn convolutional_networks_have_the_shapes_that_follow_from_the_image() {
    let model = cnn::<f32>([3, 9, 12], &[4, 5], &[7, 2], Activation::Gelu);
    let summary = model.summary(&[6, 3, 9, 12]).unwrap();
    let rows: Vec<Vec<&str>> =
        summary.lines().map(|line| line.split("  ").map(str::trim).collect()).collect();
    let row = |path: &str| rows.iter().find(|row| row[0] == path).unwrap().join(" ");
    assert!(row("0").contains("Conv2d(3 → 4, 3×3, padding 1×1)"), "{summary}");
    assert!(row("2").contains("MaxPool2d(2×2)") && row("2").contains("[6, 4, 4, 6]"), "{summary}");
    assert!(row("6").contains("[6, 30]"), "{summary}");
    assert!(row("head.2").contains("[6, 2]"), "{summary}");
    let theta = model.init(&mut rng(1));
    let y = predict(&model, &theta, &wave(&[6, 3, 9, 12], 1.0, 0.7)).unwrap();
    assert!(y.shape() == [6, 2] && y.data().iter().all(|y| y.is_finite()));
}

/// Operations and shapes of a program, in no order: views are recorded where they are asked for.
fn instructions(f: &Function<'_>, quantity: Quantity, x: &[f64]) -> Vec<[String; 2]> {
    let text = f.inspect(quantity, x).unwrap().to_string();
    let instructions = text.lines().filter_map(|line| line.strip_prefix('%')).map(|line| {
        let (_, line) = line.split_once(' ').unwrap();
        let (shape, operation) = match line.trim_start().strip_prefix('[') {
            Some(line) => line.split_once(']').unwrap(),
            None => ("", line),
        };
        [shape, operation.split_whitespace().next().unwrap()].map(str::to_owned)
    });
    let mut instructions: Vec<_> = instructions.collect();
    instructions.sort();
    instructions
}

/// Layers cost nothing: what runs are the instructions of a network that is written by hand in the tape's operations.
#[test]
fn a_convolutional_network_runs_the_program_that_is_written_by_hand() {
    let model = cnn([1, 8, 8], &[2, 3], &[4], Activation::Relu);
    let theta: Vec<f64> = model.init(&mut rng(1));
    let images = wave::<f64>(&[3, 1, 8, 8], 1.0, 0.7);
    let data = Dataset::classification(images, &[0, 3, 1], 4).unwrap();
    let layered = supervised(&model, &data, cross_entropy).unwrap();

    let by_hand = record(&theta)
        .data(&[data.inputs(), data.targets()])
        .function(|theta, data| {
            let mut offset = 0;
            let mut next = |shape: &[usize]| {
                let view = theta.view(offset, shape);
                offset += view.len();
                view
            };
            let same = Convolution { padding: [1, 1], ..Convolution::default() };
            let mut x = data[0];
            for [inputs, outputs] in [[1, 2], [2, 3]] {
                let (kernel, bias) = (next(&[outputs, inputs, 3, 3]), next(&[outputs, 1, 1]));
                x = (x.conv(kernel, same) + bias).relu().max_pool(Pooling::new([2, 2]));
            }
            let (weight, bias) = (next(&[4, 12]), next(&[4]));
            cross_entropy(x.reshape(&[3, 12]).matmul(weight.t()) + bias, data[1])
        })
        .unwrap();
    for quantity in [Quantity::Value, Quantity::Gradient, Quantity::HessianProduct] {
        let [ours, theirs] = [&layered, &by_hand].map(|f| instructions(f, quantity, &theta));
        assert_eq!(ours, theirs, "{quantity:?}");
        assert!(ours.contains(&["3, 2, 64".into(), "matmul".into()]), "{ours:?}");
    }
    assert_eq!(layered.gradient(&theta).unwrap(), by_hand.gradient(&theta).unwrap());
    let [ours, theirs] = [&layered, &by_hand].map(|f| {
        let mut hvp = vec![0.0; theta.len()];
        f.hvp_into(&theta, wave::<f64>(&[theta.len()], 1.0, 1.9).data(), &mut hvp).unwrap();
        hvp
    });
    assert_eq!(ours, theirs);
}

/// What is dropped does not count, whatever it holds.
#[test]
fn dropout_drops_what_is_no_number_too() {
    let layer = Dropout::new(0.5);
    let layout = Module::<f64>::layout(&layer).unwrap();
    let tape = Tape::<f64>::new();
    let theta = tape.constant(&Array::vector(vec![]));
    let run = |x: f64| {
        let x = tape.constant(&Array::vector(vec![x; 64]));
        layer.forward(&layout.bind_in(theta, Mode::Train), x).data().to_vec()
    };
    for (y, kept) in run(f64::NAN).into_iter().zip(run(1.0)) {
        assert!(if kept == 0.0 { y == 0.0 } else { y.is_nan() });
    }
}
