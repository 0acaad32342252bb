//! Directions and cotangents: never uniform, and the same for the same seed.

/// Sebastiano Vigna's SplitMix64: a seed is enough to have the same numbers again.
#[derive(Clone, Debug)]
pub(crate) struct Uneven(u64);

impl Uneven {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of either sign, in magnitude between ¼ and 1.
    fn number(&mut self) -> f64 {
        let bits = self.next();
        let magnitude = 0.25 + 0.75 * (bits >> 11) as f64 / (1_u64 << 53) as f64;
        if bits & 1 == 0 { magnitude } else { -magnitude }
    }

    /// One for each of `scales`, in units of these.
    pub(crate) fn direction(&mut self, scales: &[f64]) -> Vec<f64> {
        scales.iter().map(|scale| scale * self.number()).collect()
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }
}
