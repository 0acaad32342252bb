//! Timing by repetition: several samples of many calls each, of which the median and the best are kept.

use std::hint::black_box;
use std::time::{Duration, Instant};

const SAMPLES: usize = 151;
/// Short, so that on a busy machine some samples are not interrupted.
const SAMPLE: Duration = Duration::from_millis(2);

/// Nanoseconds for one call.
#[derive(Clone, Copy, Debug)]
pub struct Nanoseconds {
    pub median: f64,
    pub best: f64,
}

/// Times `call`, after one call to warm up.
pub fn time<R>(mut call: impl FnMut() -> R) -> Nanoseconds {
    let start = Instant::now();
    black_box(call());
    let once = start.elapsed().max(Duration::from_nanos(20));
    let calls = (SAMPLE.as_nanos() / once.as_nanos()).clamp(1, 1_000_000) as u32;
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(call());
            }
            start.elapsed().as_nanos() as f64 / f64::from(calls)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    Nanoseconds { median: samples[SAMPLES / 2], best: samples[0] }
}
