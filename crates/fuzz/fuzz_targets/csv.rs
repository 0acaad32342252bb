//! Text tables: read or refused in memory that what is there accounts for, and the same when written and read again.

#![no_main]

use csv::{QuoteStyle, WriterBuilder};
use dualtape_fuzz::{bits, bounded};
use dualtape_layers::{Csv, CsvTable};
use libfuzzer_sys::fuzz_target;

// The first byte tells whether there is a header, the second separates fields.
fuzz_target!(|bytes: &[u8]| {
    let [header, delimiter, text @ ..] = bytes else { return };
    let header = header % 2 == 0;
    let form = if header { Csv::new() } else { Csv::new().without_header() };
    let budget = 64 * text.len() + (1 << 20);
    let read = bounded(budget, || form.clone().delimiter(*delimiter).read_from("a", text));
    let Ok(table) = read else { return };
    let columns = columns(&table);
    for column in 1..=columns {
        if let Ok(numbers) = bounded(budget, || table.numbers::<f64>(&[column])) {
            let texts = numbers.data().iter().map(|x| vec![format!("{x:e}")]);
            let again = written(&[], texts.collect());
            let again = Csv::new().without_header().read_from("b", again.as_slice()).unwrap();
            let again = again.numbers::<f64>(&[1]).unwrap();
            assert_eq!(bits(again.data()), bits(numbers.data()));
        }
    }
    let labels: Option<Vec<_>> = (1..=columns).map(|column| table.labels(column).ok()).collect();
    let Some(labels) = labels else { return };
    let row = |row: usize| {
        labels.iter().map(|(labels, classes)| classes[labels[row]].clone()).collect::<Vec<_>>()
    };
    let text = written(&table.names(), (0..table.len()).map(row).collect());
    let again = form.read_from("b", text.as_slice()).unwrap();
    assert_eq!((again.len(), again.names()), (table.len(), table.names()));
    for (column, labels) in (1..).zip(&labels) {
        assert_eq!(&again.labels(column).unwrap(), labels);
    }
});

/// How many columns there are.
fn columns(table: &CsvTable) -> usize {
    (1..).take_while(|&column| table.without(&[column]).is_ok()).count()
}

fn written(names: &[&str], rows: Vec<Vec<String>>) -> Vec<u8> {
    let mut writer = WriterBuilder::new().quote_style(QuoteStyle::Always).from_writer(Vec::new());
    if !names.is_empty() {
        writer.write_record(names).expect("memory can be written");
    }
    for row in rows {
        writer.write_record(row).expect("memory can be written");
    }
    writer.into_inner().expect("memory can be written")
}
