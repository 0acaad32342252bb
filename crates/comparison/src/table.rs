//! The table: a line for each contender and operation, as text and as comma-separated values.

use std::io::{self, Write};

use crate::measure::Nanoseconds;
use crate::workload::{Operation, Precision};

/// What a contender did.
#[derive(Clone, Debug)]
pub struct Row {
    /// On what.
    pub workload: String,
    /// In which precision.
    pub precision: Precision,
    /// What.
    pub operation: Operation,
    /// Who.
    pub contender: String,
    /// How long one result took.
    pub time: Nanoseconds,
    /// Best time of the plain function, measured in the same turns.
    pub plain: f64,
    /// Best time of dualtape for the same operation, if it has it.
    pub dualtape: Option<f64>,
    /// The largest relative difference from dualtape's result and from the check value, where there is something to
    /// compare with.
    pub difference: Option<f64>,
}

impl Row {
    /// Whether the result is that of the others.
    pub fn agrees(&self) -> bool {
        self.difference.is_none_or(|difference| difference <= self.precision.tolerance())
    }
}

/// Prints the heading.
pub fn heading() {
    println!(
        "{:<13} {:<4} {:<18} {:<24} {:>9} {:>9} {:>9} {:>10}  difference",
        "workload", "type", "operation", "contender", "median", "best", "× plain", "× dualtape"
    );
}

/// Prints a line.
pub fn print(row: &Row) {
    let relative = row.dualtape.map_or_else(String::new, |best| ratio(row.time.best / best));
    let difference = row.difference.map_or_else(|| "–".into(), |x| format!("{x:.0e}"));
    println!(
        "{:<13} {:<4} {:<18} {:<24} {:>9} {:>9} {:>9} {:>10}  {difference}{}",
        row.workload,
        row.precision,
        row.operation,
        row.contender,
        duration(row.time.median),
        duration(row.time.best),
        ratio(row.time.best / row.plain),
        relative,
        if row.agrees() { "" } else { "  DISAGREES" }
    );
}

/// Writes all lines, times in nanoseconds.
pub fn write_csv(mut out: impl Write, rows: &[Row]) -> io::Result<()> {
    writeln!(
        out,
        "workload,type,operation,contender,median_ns,best_ns,plain_best_ns,dualtape_best_ns,difference"
    )?;
    let optional = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    for row in rows {
        let Row { workload, precision, operation, contender, time, plain, .. } = row;
        writeln!(
            out,
            "{workload},{precision},\"{operation}\",\"{contender}\",{},{},{plain},{},{}",
            time.median,
            time.best,
            optional(row.dualtape),
            optional(row.difference),
        )?;
    }
    Ok(())
}

/// Three digits and a unit.
fn duration(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        x if x < 1e3 => (x, "ns"),
        x if x < 1e6 => (x / 1e3, "µs"),
        x if x < 1e9 => (x / 1e6, "ms"),
        x => (x / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

fn ratio(x: f64) -> String {
    format!("{}×", three_digits(x))
}

fn three_digits(x: f64) -> String {
    let decimals = match x {
        x if x < 9.995 => 2,
        x if x < 99.95 => 1,
        _ => 0,
    };
    format!("{x:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(duration(123.4), "123 ns");
        assert_eq!(duration(1234.0), "1.23 µs");
        assert_eq!(duration(9.996e6), "10.0 ms");
        assert_eq!(ratio(0.5), "0.50×");
    }
}
