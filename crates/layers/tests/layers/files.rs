//! Files of weights.

use std::fs;
use std::path::PathBuf;

use dualtape_autodiff::Array;
use dualtape_layers::{
    Activation, BatchNorm2d, Conv2d, Error, Flatten, Linear, Network, Sequential, mlp,
};

use crate::support::{assert_close, rng};

/// A file that is removed in the end.
pub struct Temporary(pub PathBuf);

impl Temporary {
    pub fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("dualtape-{}-{name}", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        for suffix in ["", ".training", ".unfinished", ".training.unfinished"] {
            let mut path = self.0.clone().into_os_string();
            path.push(suffix);
            let _ = fs::remove_file(path);
        }
    }
}

fn network(widths: &[usize], seed: u64) -> Network<f64> {
    Network::new(mlp(widths, Activation::Tanh), &mut rng(seed)).unwrap()
}

#[test]
fn weights_come_back_to_the_bit() {
    let file = Temporary::new("bits.safetensors");
    let saved = network(&[3, 4, 2], 1);
    saved.save(&file.0).unwrap();
    let mut loaded = network(&[3, 4, 2], 2);
    loaded.load(&file.0).unwrap();
    assert_eq!(loaded.parameters(), saved.parameters());

    // into another precision, by rounding
    let mut single = Network::<f32>::new(mlp(&[3, 4, 2], Activation::Tanh), &mut rng(2)).unwrap();
    single.load(&file.0).unwrap();
    let rounded: Vec<f32> = saved.parameters().iter().map(|&x| x as f32).collect();
    assert_eq!(single.parameters(), rounded);
}

#[test]
fn weights_of_another_model_are_refused_by_name() {
    let file = Temporary::new("other.safetensors");
    network(&[3, 4, 2], 1).save(&file.0).unwrap();
    let mut other = network(&[3, 5, 2, 2], 2);
    let before = other.parameters().to_vec();
    let Error::Weights { problem, .. } = other.load(&file.0).unwrap_err() else { panic!() };
    for part in [
        "`0.weight` has shape [4, 3], but the model needs [5, 3]",
        "`0.bias` has shape [4], but the model needs [5]",
        "`4.weight` [2, 2] is missing",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    assert_eq!(other.parameters(), before);

    let Error::Weights { problem, .. } = network(&[3, 4], 1).load(&file.0).unwrap_err() else {
        panic!()
    };
    assert_eq!(problem, "`2.bias` is not of this model; `2.weight` is not of this model");
}

#[test]
fn damaged_and_hostile_files_are_refused() {
    let file = Temporary::new("damaged.safetensors");
    let mut network = network(&[3, 4, 2], 1);
    let before = network.parameters().to_vec();
    network.save(&file.0).unwrap();
    let whole = fs::read(&file.0).unwrap();

    let header = |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat();
    let huge =
        r#"{"0.weight":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#;
    let beyond = r#"{"0.weight":{"dtype":"F64","shape":[4,3],"data_offsets":[0,96]}}"#;
    let text = r#"{"0.weight":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}"#;
    let mut files: Vec<Vec<u8>> = vec![
        Vec::new(),
        u64::MAX.to_le_bytes().to_vec(),
        header(huge),
        header(beyond),
        header(text),
        b"not a file of weights at all".to_vec(),
    ];
    files.extend((0..whole.len()).step_by(37).map(|length| whole[..length].to_vec()));
    for bytes in files {
        fs::write(&file.0, &bytes).unwrap();
        let error = network.load(&file.0).unwrap_err();
        assert!(matches!(error, Error::Weights { .. }), "{error}");
    }
    assert_eq!(network.parameters(), before);
    let error = network.load(file.0.join("nowhere")).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    assert!(matches!(network.save("/no/such/folder/weights"), Err(Error::File { .. })));
}

/// Neither is memory set aside for a file that is larger than any of this model, nor waited for a pipe or an endless device.
#[test]
fn only_files_of_sensible_size_are_read() {
    let file = Temporary::new("large.safetensors");
    let mut network = network(&[3, 4, 2], 1);
    // which takes no room on the disk
    fs::File::create(&file.0).unwrap().set_len(1 << 40).unwrap();
    let Error::Weights { problem, .. } = network.load(&file.0).unwrap_err() else { panic!() };
    assert_eq!(problem, "it has 1099511627776 bytes, far more than 26 numbers take");
    let folder = file.0.parent().unwrap();
    assert!(matches!(network.load(folder), Err(Error::File { .. })));
    #[cfg(unix)]
    assert!(matches!(network.load("/dev/zero"), Err(Error::File { .. })));
}

#[test]
fn a_file_that_pytorch_wrote_is_read() {
    let model = Sequential::new()
        .then(Conv2d::new(1, 2, [3, 3]).padding([1, 1]))
        .then(BatchNorm2d::new(2))
        .then(Activation::Relu)
        .then(Flatten::new())
        .then(Linear::new(32, 3));
    let mut network = Network::<f32>::new(model, &mut rng(1)).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pytorch_cnn.safetensors");
    network.load(file).unwrap();
    assert_eq!(network.buffer("1.num_batches_tracked").unwrap(), [3.0]);
    let x = (0..80).map(|k| (0.7 * k as f32 + 0.3).sin()).collect();
    let y = network.predict(&Array::new(&[5, 1, 4, 4], x).unwrap()).unwrap();
    let expected = [
        -0.12871748,
        0.045550354,
        -0.028293718,
        -0.13184576,
        -0.042703565,
        0.0787119,
        0.18155766,
        -0.008737769,
        0.02048054,
        -0.020394815,
        -0.013634525,
        0.02805299,
        0.0634472,
        0.07704918,
        -0.05871779,
    ];
    assert_close("outputs", y.data(), &expected, 1e-6);
}
