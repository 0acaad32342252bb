//! The problems for other programs: values and gradients through pipes.

use std::io::{Read, Write, stdin, stdout};

use dualtape_autodiff::Function;
use dualtape_optimizers::Error;

use super::{problems, tolerance};

/// Without a name, the names of all problems, one a line. With one: the number of variables, the tolerance and the start as
/// doubles, and then for each point read its value and gradient, until there is none.
pub fn serve(names: &[String]) -> Result<(), Error> {
    let problems = problems()?;
    let Some(name) = names.first() else {
        problems.iter().for_each(|problem| println!("{}", problem.name));
        return Ok(());
    };
    let Some(problem) = problems.iter().find(|problem| problem.name == *name) else {
        return Ok(());
    };
    let greeting = [problem.start.len() as f64, tolerance(problem)?];
    if write(&greeting).and_then(|()| write(&problem.start)).is_err() {
        return Ok(());
    }
    answer(&problem.function, problem.start.len());
    Ok(())
}

fn answer(f: &Function<'_>, n: usize) {
    let (mut bytes, mut answer) = (vec![0; 8 * n], vec![0.0; n + 1]);
    while stdin().read_exact(&mut bytes).is_ok() {
        let number = |b: &[u8]| b.try_into().map_or(f64::NAN, f64::from_le_bytes);
        let x: Vec<f64> = bytes.chunks_exact(8).map(number).collect();
        match f.value_and_gradient_into(&x, &mut answer[1..]) {
            Ok(value) => answer[0] = value,
            // Outside the domain.
            Err(_) => answer.fill(f64::NAN),
        }
        if write(&answer).is_err() {
            break;
        }
    }
}

fn write(numbers: &[f64]) -> std::io::Result<()> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut out = stdout().lock();
    out.write_all(&bytes)?;
    out.flush()
}
