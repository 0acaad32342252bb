//! The comparison as text.

use crate::run::Run;

const HEADER: [&str; 9] =
    ["method", "loss", "max |∇|", "iterations", "gradients", "HVPs", "time", "train", "held-out"];

/// One row a run, columns aligned, numbers to the right.
pub fn render(runs: &[Run]) -> String {
    let rows: Vec<[String; 9]> = runs.iter().map(row).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].as_str());
        cells.chain([HEADER[column]]).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; 9] = std::array::from_fn(width);

    let rule = widths.map(|width| "─".repeat(width));
    let lines = [HEADER.map(String::from), rule].into_iter().chain(rows);
    lines.map(|cells| line(&cells, &widths) + "\n").collect()
}

fn line(cells: &[String; 9], widths: &[usize; 9]) -> String {
    let padded =
        cells.iter().zip(widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn row(run: &Run) -> [String; 9] {
    let end = &run.end;
    [
        run.name.clone(),
        format!("{:.6}", end.loss),
        format!("{:.1e}", end.gradient_norm),
        end.iteration.to_string(),
        format!("{:.0}", end.work.gradients),
        format!("{:.0}", end.work.hvps),
        format!("{:.2} s", end.seconds),
        percent(run.train_accuracy),
        percent(run.held_out_accuracy),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{State, Work};

    fn runs() -> Vec<Run> {
        let end = State {
            iteration: 2220,
            seconds: 1.234,
            work: Work { gradients: 59.6, ..Work::default() },
            loss: 0.125,
            gradient_norm: 2.5e-3,
        };
        let adam = Run {
            name: "network, Adam".into(),
            curve: vec![],
            end,
            train_accuracy: 1.0,
            held_out_accuracy: 0.9652,
            verdict: "60 epochs done".into(),
        };
        let work = Work { hvps: 6500.0, ..end.work };
        let end = State { work, loss: 12.5, ..end };
        let newton = Run { name: "softmax regression, Newton".into(), end, ..adam.clone() };
        vec![adam, newton]
    }

    #[test]
    fn columns_are_aligned() {
        let text = render(&runs());
        let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| line.len() == lines[1].len()), "{text}");
        // Where the rule has a gap, every line has one.
        for gap in (0..lines[1].len()).filter(|&at| lines[1][at] == ' ') {
            assert!(lines.iter().all(|line| line[gap] == ' '), "column {gap}:\n{text}");
        }
    }

    #[test]
    fn cells_are_rounded_for_people() {
        let text = render(&runs());
        let row = text.lines().nth(2).unwrap();
        let cells: Vec<&str> =
            row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(
            cells,
            [
                "network, Adam",
                "0.125000",
                "2.5e-3",
                "2220",
                "60",
                "0",
                "1.23 s",
                "100.0 %",
                "96.5 %"
            ]
        );
    }

    #[test]
    fn no_runs_leave_the_header() {
        assert_eq!(render(&[]).lines().count(), 2);
    }
}
