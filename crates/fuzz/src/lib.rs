//! What the fuzz targets share: an allocator that bounds memory, files made of text that is easy to mutate, and networks to
//! be trained and saved.

use std::alloc::System;
use std::path::{Path, PathBuf};

use cap::Cap;
use dualtape_autodiff::Array;
use dualtape_layers::{
    Activation, BatchNorm1d, Dataset, Linear, Network, Sequential, Trainer, mean_squared_error,
    table,
};
use dualtape_optimizers::stochastic::rules;
use dualtape_optimizers::stochastic::sources::Lbfgs;
use dualtape_optimizers::{Adam, Stepper};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Does something that may allocate so many bytes at once, and no more: beyond that the allocator gives nothing, and the
/// process aborts where too much was asked for.
pub fn bounded<R>(bytes: usize, work: impl FnOnce() -> R) -> R {
    set_limit(ALLOCATOR.allocated() + bytes);
    let result = work();
    set_limit(usize::MAX);
    result
}

fn set_limit(limit: usize) {
    ALLOCATOR.set_limit(limit).expect("more memory is in use than the limit");
}

/// An NPY file of version 1.0: as it is if it starts as one, else with the first line as its header, so that a mutation that
/// makes the header longer leaves a file that can be read.
pub fn npy(bytes: &[u8]) -> Vec<u8> {
    if bytes.starts_with(b"\x93NUMPY") {
        return bytes.to_vec();
    }
    let header = bytes.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    let length = u16::try_from(header.len()).unwrap_or(u16::MAX).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], bytes].concat()
}

/// The NPY file of an array, as double-precision numbers in either order of axes.
pub fn npy_of(array: &Array<f64>, fortran: bool) -> Vec<u8> {
    let shape: String = array.shape().iter().map(|axis| format!("{axis},")).collect();
    let order = if fortran { "True" } else { "False" };
    let mut file = format!("{{'descr': '<f8', 'fortran_order': {order}, 'shape': ({shape}), }}\n")
        .into_bytes();
    let place = |i: usize| if fortran { place_of(array.shape(), i) } else { i };
    file.extend((0..array.len()).flat_map(|i| array.data()[place(i)].to_le_bytes()));
    npy(&file)
}

/// Where the entry that is number `i` with the first axis fastest stands with the last axis fastest.
fn place_of(shape: &[usize], mut i: usize) -> usize {
    let mut index = vec![0; shape.len()];
    for (index, axis) in index.iter_mut().zip(shape) {
        (*index, i) = (i % axis, i / axis);
    }
    index.iter().zip(shape).fold(0, |place, (index, axis)| place * axis + index)
}

/// A safetensors file: as it is, or, if it starts with `{`, with the first line as its header.
pub fn safetensors(bytes: &[u8]) -> Vec<u8> {
    if !bytes.starts_with(b"{") {
        return bytes.to_vec();
    }
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let data = bytes.get(header.len() + 1..).unwrap_or_default();
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

/// The bits of numbers, which tell NaN from NaN.
pub fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// A file of this process, in the folder for temporary files.
pub fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("dualtape-fuzz-{}-{name}", std::process::id()))
}

/// The file of the state of training beside one of weights.
pub fn state_beside(weights: &Path) -> PathBuf {
    let mut name = weights.as_os_str().to_owned();
    name.push(".training");
    name.into()
}

/// A small network with buffers.
pub fn network(seed: u64) -> Network<f64> {
    let model = Sequential::new()
        .then(Linear::new(2, 3))
        .then(BatchNorm1d::new(3))
        .then(Activation::Tanh)
        .then(Linear::new(3, 1));
    Network::new(model, &mut ChaCha8Rng::seed_from_u64(seed)).expect("a model")
}

/// What the network is trained on.
pub fn data() -> Dataset<f64> {
    let rows = [0.0, 1.0, 2.0, 3.0].map(|x: f64| [x.sin(), x.cos()]);
    let targets = [0.0, 1.0, 2.0, 3.0].map(|x: f64| [(1.5 * x).cos()]);
    let arrays = (table(&rows).expect("a table"), table(&targets).expect("a table"));
    Dataset::new(arrays.0, arrays.1).expect("data")
}

/// How the network is trained.
pub fn trainer<'f>() -> Trainer<'f, f64> {
    Trainer::new(mean_squared_error).epochs(3).batch_size(2).seed(7).early_stopping(2)
}

/// By what the network is trained: something that keeps much from step to step.
pub fn optimizer() -> Stepper<'static, f64, rules::Adam<f64>, Lbfgs<f64>> {
    Adam::new(0.05).on_plateau(2, 0.5).with_source(Lbfgs::default().interval(1).pairs(2))
}
