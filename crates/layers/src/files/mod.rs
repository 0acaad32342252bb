//! Files of named arrays, in the safetensors format.

mod replace;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use dualtape_autodiff::Real;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::data::to_f64;
use crate::errors::Error;
use crate::module::{Layout, View};
use crate::training::Network;

pub(crate) use replace::{Claim, write_atomically};

/// What a file of weights may hold beyond the numbers of the model, in bytes: other arrays, which then are refused by name.
const BEYOND_THE_MODEL: u64 = 1 << 30;

impl<S: Real> Network<S> {
    /// Writes all parameters and buffers, by their names and in their shapes and precision, to a file in the safetensors
    /// format, whole or not at all. Tied parameters are written under each of their names, as PyTorch does.
    ///
    /// Links are followed; the permissions of a file that is there stay. If the process is killed meanwhile, the old file is
    /// there, and beside it one `.dualtape-….unfinished` that can be deleted.
    ///
    /// # Errors
    ///
    /// [`Error::File`], also for what is no regular file, as a folder, a device or a pipe, and for a file that is protected
    /// from writing.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_layers::{Activation, Network, mlp};
    /// use rand::{SeedableRng, rngs::ChaCha8Rng};
    ///
    /// let new = |seed| Network::<f32>::new(mlp(&[3, 4, 2], Activation::Relu), &mut ChaCha8Rng::seed_from_u64(seed));
    /// let file = std::env::temp_dir().join(format!("weights-{}.safetensors", std::process::id()));
    /// let trained = new(1)?;
    /// trained.save(&file)?;
    /// let mut other = new(2)?;
    /// other.load(&file)?;
    /// assert_eq!(other.parameters(), trained.parameters());
    /// # std::fs::remove_file(file).unwrap();
    /// # Ok::<(), dualtape_layers::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        write_atomically(path, &self.weights(path)?)
    }

    /// The bytes of a file of weights at this path.
    pub(crate) fn weights(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let mut arrays = Arrays::default();
        for view in self.layout().iter() {
            arrays.push(view.name(), view.shape(), &self.parameters()[view.range()]);
        }
        for view in self.layout().buffers() {
            arrays.push(view.name(), view.shape(), &self.buffers()[view.range()]);
        }
        arrays.serialize(path, HashMap::new())
    }

    /// Reads all parameters and buffers from a file in the safetensors format: one that [`save`](Self::save) wrote, or
    /// PyTorch for a model of the same names (`safetensors.torch.save_file(model.state_dict(), path)`), in any precision.
    ///
    /// # Errors
    ///
    /// [`Error::File`], also for what is no regular file; [`Error::Weights`] naming every array that is missing, not of this
    /// model, or of another shape, or what is wrong with the file, as that it is 1 GiB larger than the model. The network is
    /// then as it was.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let refuse = |problem: String| Error::Weights { path: path.display().to_string(), problem };
        // The numbers of a model have at most 8 bytes in a file.
        let numbers = self.parameters().len() + self.buffers().len();
        let limit = (8 * numbers as u64).saturating_add(BEYOND_THE_MODEL);
        let bytes = read(path, limit)?.map_err(|bytes| {
            refuse(format!("it has {bytes} bytes, far more than {numbers} numbers take"))
        })?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| refuse(damage(&error)))?;
        let problems = differences(self.layout(), &file);
        if !problems.is_empty() {
            return Err(refuse(problems.join("; ")));
        }
        let mut parameters = self.parameters().to_vec();
        let mut buffers = self.buffers().to_vec();
        for (views, entries) in [
            (self.layout().iter().collect::<Vec<&View>>(), &mut parameters),
            (self.layout().buffers().collect(), &mut buffers),
        ] {
            for view in views {
                let array = file.tensor(view.name()).map_err(|error| refuse(damage(&error)))?;
                let values: Vec<S> = decode(&array).ok_or_else(|| {
                    let name = view.name();
                    refuse(format!("`{name}` has entries of type {:?}, not numbers", array.dtype()))
                })?;
                entries[view.range()].copy_from_slice(&values);
            }
        }
        self.parameters_mut().copy_from_slice(&parameters);
        self.buffers_mut().copy_from_slice(&buffers);
        Ok(())
    }
}

/// How the arrays of a file differ from those of a model.
fn differences(layout: &Layout, file: &SafeTensors<'_>) -> Vec<String> {
    let views: Vec<&View> = layout.iter().chain(layout.buffers()).collect();
    let mut problems = Vec::new();
    for view in &views {
        let name = view.name();
        match file.tensor(name) {
            Err(_) => problems.push(format!("`{name}` {:?} is missing", view.shape())),
            Ok(array) if array.shape() != view.shape() => problems.push(format!(
                "`{name}` has shape {:?}, but the model needs {:?}",
                array.shape(),
                view.shape()
            )),
            Ok(_) => {}
        }
    }
    let own: HashSet<&str> = views.iter().map(|view| view.name()).collect();
    let names = file.iter().map(|(name, _)| name);
    let mut strangers: Vec<&str> = names.filter(|name| !own.contains(name)).collect();
    strangers.sort_unstable();
    problems.extend(strangers.into_iter().map(|name| format!("`{name}` is not of this model")));
    problems
}

/// Named arrays on their way to a file.
#[derive(Debug, Default)]
pub(crate) struct Arrays(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Arrays {
    /// Adds an array, in its own precision.
    pub(crate) fn push<S: Real>(&mut self, name: &str, shape: &[usize], entries: &[S]) {
        let single = size_of::<S>() == size_of::<f32>();
        let (dtype, bytes) = if single {
            (Dtype::F32, entries.iter().flat_map(|x| (to_f64(*x) as f32).to_le_bytes()).collect())
        } else {
            (Dtype::F64, entries.iter().flat_map(|x| to_f64(*x).to_le_bytes()).collect())
        };
        self.0.push((name.to_owned(), dtype, shape.to_vec(), bytes));
    }

    /// The bytes of a file at this path with the arrays, and with texts beside them.
    pub(crate) fn serialize(
        &self,
        path: &Path,
        texts: HashMap<String, String>,
    ) -> Result<Vec<u8>, Error> {
        let failed = |error| Error::File {
            path: path.display().to_string(),
            message: format!("the arrays could not be written: {error}"),
        };
        let views = self.0.iter().map(|(name, dtype, shape, bytes)| {
            Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let texts = (!texts.is_empty()).then_some(texts);
        safetensors::serialize(views, texts).map_err(failed)
    }
}

/// The entries of an array in any precision; none if they are not numbers.
pub(crate) fn decode<S: Real>(array: &TensorView<'_>) -> Option<Vec<S>> {
    fn each<S: Real, const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<S> {
        let (entries, _) = bytes.as_chunks::<N>();
        entries.iter().map(|&bytes| S::constant(value(bytes))).collect()
    }
    let bytes = array.data();
    Some(match array.dtype() {
        Dtype::F64 => each(bytes, f64::from_le_bytes),
        Dtype::F32 => each(bytes, |b| f64::from(f32::from_le_bytes(b))),
        // bfloat16 is the upper half of a single-precision number.
        Dtype::BF16 => each(bytes, |[low, high]| f64::from(f32::from_le_bytes([0, 0, low, high]))),
        Dtype::F16 => each(bytes, |b| half(u16::from_le_bytes(b))),
        Dtype::I64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
        Dtype::I32 => each(bytes, |b| f64::from(i32::from_le_bytes(b))),
        Dtype::U8 => each(bytes, |[b]| f64::from(b)),
        _ => return None,
    })
}

/// The value of an IEEE 754 half-precision number.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2.0_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2.0_f64.powi(exponent - 15),
    }
}

/// What is wrong with a file, for people.
pub(crate) fn damage(error: &safetensors::SafeTensorError) -> String {
    format!("it is not a whole file in the safetensors format ({error})")
}

/// The bytes of a regular file; or how many they are, if more than `limit`.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Result<Vec<u8>, u64>, Error> {
    let failed = |error| replace::failed(path, &error);
    // Before it is opened, which with a pipe waits for a writer.
    let found = std::fs::metadata(path).map_err(failed)?;
    if !found.is_file() {
        let message = "a folder, a device, a pipe or the like: give the path of a file".to_owned();
        return Err(Error::File { path: path.display().to_string(), message });
    }
    if found.len() > limit {
        return Ok(Err(found.len()));
    }
    let mut bytes = Vec::new();
    // A file may grow meanwhile.
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(Ok(bytes))
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn half_precision_is_decoded() {
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x0001, 2.0_f64.powi(-24)),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits), value);
        }
        assert_eq!(half(0x7c00), f64::INFINITY);
        assert!(half(0x7e00).is_nan());
    }
}
