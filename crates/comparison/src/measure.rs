//! Timing: the contenders of one operation take turns, so that what slows the machine down slows all of them.

use std::fmt;
use std::hint::black_box;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// How long the calls of one sample take together.
const SAMPLE: Duration = Duration::from_millis(8);

/// Processor time, which other programs on the machine lengthen little; or elapsed time, if several threads work.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Processor time of the whole process.
    Processor,
    /// Elapsed time.
    Wall,
}

impl Clock {
    fn time(self, mut work: impl FnMut()) -> Duration {
        match self {
            Self::Processor => {
                let start = ProcessTime::now();
                work();
                start.elapsed()
            }
            Self::Wall => {
                let start = Instant::now();
                work();
                start.elapsed()
            }
        }
    }
}

/// What a contender does for one operation: a call to be timed, and the numbers that it computes.
pub struct Task<'a> {
    /// Who does it.
    pub contender: &'static str,
    calls: Box<dyn Calls + 'a>,
}

impl<'a> Task<'a> {
    /// `call` is timed; `answer` reads, from what it left in `state` or returned, the result as one flat vector.
    pub fn new<T: 'a, R: 'a>(
        contender: &'static str,
        state: T,
        call: impl FnMut(&mut T) -> R + 'a,
        answer: impl Fn(&T, R) -> Vec<f64> + 'a,
    ) -> Self {
        Self { contender, calls: Box::new(Repeated { state, call, answer, result: PhantomData }) }
    }

    /// The result.
    pub fn answer(&mut self) -> Vec<f64> {
        self.calls.answer()
    }
}

impl fmt::Debug for Task<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("contender", &self.contender).finish_non_exhaustive()
    }
}

trait Calls {
    fn repeat(&mut self, calls: u32);
    fn answer(&mut self) -> Vec<f64>;
}

struct Repeated<T, R, C, A> {
    state: T,
    call: C,
    answer: A,
    result: PhantomData<fn() -> R>,
}

impl<T, R, C: FnMut(&mut T) -> R, A: Fn(&T, R) -> Vec<f64>> Calls for Repeated<T, R, C, A> {
    fn repeat(&mut self, calls: u32) {
        for _ in 0..calls {
            black_box((self.call)(black_box(&mut self.state)));
        }
    }

    fn answer(&mut self) -> Vec<f64> {
        let result = (self.call)(&mut self.state);
        (self.answer)(&self.state, result)
    }
}

/// Nanoseconds for one call.
#[derive(Clone, Copy, Debug)]
pub struct Nanoseconds {
    /// Of all samples.
    pub median: f64,
    /// Of all samples.
    pub best: f64,
}

/// Takes `samples` of each task in turn.
pub fn measure(tasks: &mut [&mut Task<'_>], samples: usize, clock: Clock) -> Vec<Nanoseconds> {
    let calls: Vec<u32> = tasks.iter_mut().map(|task| calls_in_a_sample(task, clock)).collect();
    let mut times = vec![Vec::with_capacity(samples); tasks.len()];
    for _ in 0..samples {
        for ((task, &calls), times) in tasks.iter_mut().zip(&calls).zip(&mut times) {
            let time = clock.time(|| task.calls.repeat(calls));
            times.push(time.as_nanos() as f64 / f64::from(calls));
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            Nanoseconds { median: times[times.len() / 2], best: times[0] }
        })
        .collect()
}

/// Doubles the number of calls until their time can be told, which also warms up.
fn calls_in_a_sample(task: &mut Task<'_>, clock: Clock) -> u32 {
    let mut calls = 1;
    loop {
        let time = clock.time(|| task.calls.repeat(calls));
        if time * 4 > SAMPLE || calls > 1 << 24 {
            let per_call = time.as_secs_f64() / f64::from(calls);
            return (SAMPLE.as_secs_f64() / per_call).max(1.0) as u32;
        }
        calls *= 2;
    }
}
