//! Inputs by formula, the same bits in every language.

/// Number `k` of a stream of uniform deviates in [0, 1) (SplitMix64).
fn uniform(stream: u64, k: u64) -> f64 {
    let mut z = (k + 1).wrapping_add(stream << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// `n` deviates in [0, 1).
pub fn unsigned(stream: u64, n: usize) -> Vec<f64> {
    (0..n as u64).map(|k| uniform(stream, k)).collect()
}

/// `n` deviates in [−1, 1).
pub fn signed(stream: u64, n: usize) -> Vec<f64> {
    (0..n as u64).map(|k| 2.0 * uniform(stream, k) - 1.0).collect()
}

/// `sin(step·i + start)`
pub fn sines(n: usize, step: f64, start: f64) -> Vec<f64> {
    (0..n).map(|i| (step * i as f64 + start).sin()).collect()
}

/// `cos(step·i + start)`
pub fn cosines(n: usize, step: f64, start: f64) -> Vec<f64> {
    (0..n).map(|i| (step * i as f64 + start).cos()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_have_the_bits_of_the_definition() {
        // Computed with NumPy from the formula.
        assert_eq!(signed(100, 2), [0.29990418189641854, -0.5338447906427335]);
    }
}
