//! Files of data, good and bad.

#[cfg(any(feature = "ndarray", feature = "npz"))]
use dualtape_autodiff::Array;
use dualtape_layers::{DataFault, DataFileError, Error, Npy, read_npy, read_npy_from};
use proptest::prelude::*;

#[track_caller]
fn file_error<T: std::fmt::Debug>(result: Result<T, Error>) -> DataFileError {
    match result {
        Err(Error::DataFile(error)) => *error,
        other => panic!("should be refused as a file: {other:?}"),
    }
}

/// An NPY file of version 1.0 with this header and these data.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
}

fn header(descr: &str, fortran: bool, shape: &str) -> String {
    let fortran = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}    \n")
}

#[cfg(feature = "csv")]
mod csv {
    use dualtape_layers::{Csv, CsvTable};

    use super::*;

    fn read(text: &str) -> Result<CsvTable, Error> {
        Csv::new().read_from("t.csv", text.as_bytes())
    }

    #[test]
    fn numbers_and_labels_by_column() {
        let text = "\u{feff}a, b ,kind,\"c, d\"\n1, 2,x,3\n\n-1e3,.5,\"y\",0\n 7,8,x,9 \n";
        let table = read(text).unwrap();
        assert_eq!((table.len(), table.names()), (3, vec!["a", "b", "kind", "c, d"]));
        let numbers = table.numbers::<f64>(&["c, d", "a"]).unwrap();
        assert_eq!(numbers.shape(), [3, 2]);
        assert_eq!(numbers.data(), [3.0, 1.0, 0.0, -1e3, 9.0, 7.0]);
        let (data, classes) = table.classification::<f32>("kind").unwrap();
        assert_eq!(
            (data.labels().unwrap(), classes),
            (vec![0, 1, 0], vec!["x".into(), "y".into()])
        );
        assert_eq!(data.inputs().shape(), [3, 3]);
        let data = table.without(&["kind"]).unwrap().regression::<f64>(&[2]).unwrap();
        assert_eq!(data.targets().data(), [2.0, 0.5, 8.0]);
        assert_eq!(data.inputs().data()[..2], [1.0, 3.0]);
    }

    #[test]
    fn columns_without_a_header_have_numbers() {
        let csv = Csv::new().without_header().delimiter(b';');
        let table = csv.read_from("t", "1;10\n2;9\n3;10\n".as_bytes()).unwrap();
        assert!(table.names().is_empty());
        assert_eq!(table.numbers::<f64>(&[1]).unwrap().data(), [1.0, 2.0, 3.0]);
        // numbers as labels are sorted as numbers
        let (labels, classes) = table.labels(2).unwrap();
        assert_eq!((labels, classes), (vec![1, 0, 1], vec!["9".into(), "10".into()]));
        for column in [0, 3] {
            let text = file_error(table.numbers::<f64>(&[column])).to_string();
            let expected = "there is no such entry; there are: columns 1 to 2";
            assert_eq!(text, format!("t, column {column}: {expected}"));
        }
    }

    #[test]
    fn bad_text_is_refused_with_its_place() {
        let numbers = |text: &str| file_error(read(text).unwrap().numbers::<f64>(&["a", "b"]));
        let text = |error: DataFileError| error.to_string();
        assert_eq!(
            text(numbers("a,b\n1,2\n\n3,NaN\n")),
            "t.csv, line 4, column 2 (`b`): NaN is not a finite number; remove or impute such rows first"
        );
        assert_eq!(
            text(numbers("a,b\n1e999,2\n")),
            "t.csv, line 2, column 1 (`a`): 1e999 is not a finite number; remove or impute such rows first"
        );
        assert_eq!(
            text(numbers("a,b\n1,x2\n")),
            "t.csv, line 2, column 2 (`b`): `x2` is not a number"
        );
        let windows = numbers("a,b\r\n\r\n1,2\r\n\r\n\r\n3,\"x\n\"\r\n");
        assert_eq!((windows.line, windows.column), (Some(6), Some(2)));
        let after = numbers("a,b\n1,\"\n2\"\n\n3,x\n");
        assert_eq!((after.line, after.column), (Some(5), Some(2)));
        assert_eq!(numbers("a,b\n1,2\n,3\n").fault, DataFault::Missing);
        let large = file_error(read("a\n1e300\n").unwrap().numbers::<f32>(&["a"]));
        assert!(matches!(large.fault, DataFault::NotFinite { .. }), "{large}");

        let refused = |text: &str| file_error(read(text));
        assert_eq!(
            text(refused("a,b\n1,2\n3\n")),
            "t.csv, line 3: has 1 entries, where the lines before have 2"
        );
        assert_eq!(
            text(refused("a,b\n1,2,3\n")),
            "t.csv, line 2: has 3 entries, where the lines before have 2"
        );
        assert_eq!(text(refused("a,b\n")), "t.csv: holds no data");
        assert_eq!(text(refused("")), "t.csv: holds no data");
        assert_eq!(
            text(refused("a,a\n1,2\n")),
            "t.csv, line 1, column 2 (`a`): another column has the same name"
        );
        let binary = Csv::new().read_from("t.csv", &b"a,b\n1,\xff\n"[..]);
        assert_eq!(text(file_error(binary)), "t.csv, line 2: is not UTF-8 text");

        let table = read("a,kind\n1,x\n2,\n").unwrap();
        let missing = file_error(table.labels("kind"));
        assert_eq!(
            (missing.line, missing.column, missing.fault),
            (Some(3), Some(2), DataFault::Missing)
        );
        let unknown = text(file_error(table.labels("sort")));
        assert_eq!(unknown, "t.csv, `sort`: there is no such entry; there are: a, kind");
        // a column that was left out is not there
        assert!(table.without(&["a"]).unwrap().numbers::<f64>(&["a"]).is_err());
        assert!(table.without(&["a"]).unwrap().classification::<f64>("kind").is_err());
        let io = file_error(Csv::new().read("there/is/no.csv"));
        assert!(matches!(io.fault, DataFault::Io { kind: std::io::ErrorKind::NotFound, .. }));
    }

    #[test]
    fn many_classes_and_columns_are_found() {
        let count = 50_000;
        // each label twice, in an order of their own
        let rows: String = (0..2 * count).map(|i| format!("k{:05}\n", i * 7 % count)).collect();
        let table = read(&format!("label\n{rows}")).unwrap();
        let (labels, classes) = table.labels("label").unwrap();
        assert_eq!((classes.len(), classes[7].as_str()), (count, "k00007"));
        assert!(labels.iter().enumerate().all(|(i, &label)| label == i * 7 % count));
        // 1 and 1.0 are two labels of one number
        let (labels, classes) = read("a\n2\n1.0\n1\n10\n1\n").unwrap().labels("a").unwrap();
        assert_eq!((labels, classes.join(" ")), (vec![2, 1, 0, 3, 0], "1 1.0 2 10".to_owned()));

        let names: Vec<String> = (0..count).map(|i| format!("c{i}")).collect();
        let numbers: Vec<String> = (0..count).map(|i| i.to_string()).collect();
        let table = read(&format!("{}\n{}\n", names.join(","), numbers.join(","))).unwrap();
        let all: Vec<&str> = names.iter().rev().map(String::as_str).collect();
        let array = table.numbers::<f64>(&all).unwrap();
        assert!(array.data().iter().rev().enumerate().all(|(i, &x)| x == i as f64));
        assert_eq!(table.without(&all[1..]).unwrap().names(), [all[0]]);
        let data = table.regression::<f64>(&all[..count - 1]).unwrap();
        assert_eq!((data.inputs().shape(), data.targets().len()), (&[1, 1][..], count - 1));
        let twice = file_error(read(&format!("{},c3\n", names.join(","))));
        assert_eq!((twice.column, twice.fault), (Some(count + 1), DataFault::DuplicateColumn));
    }

    #[test]
    fn text_without_end_is_refused() {
        let endless = std::io::repeat(b'1');
        let error = file_error(Csv::new().max_bytes(1 << 20).read_from("t.csv", endless));
        assert_eq!(error.fault, DataFault::TooLarge { limit: 1 << 20 });
        let (text, form) = ("a,b\n1,2\n", Csv::new());
        assert!(form.clone().max_bytes(8).read_from("t.csv", text.as_bytes()).is_ok());
        let error = file_error(form.max_bytes(7).read_from("t.csv", text.as_bytes()));
        assert_eq!(error.fault, DataFault::TooLarge { limit: 7 });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(table) = Csv::new().read_from("t", bytes.as_slice()) {
                prop_assert!(table.len() > 0);
                let _ = table.labels(1);
                let _ = table.regression::<f64>(&[1]);
            }
        }

        #[test]
        fn numbers_survive(x in prop::collection::vec(-1e300..1e300_f64, 1..20)) {
            let text: String = x.iter().map(|x| format!("{x:e},{x}\n")).collect();
            let table = Csv::new().without_header().read_from("t", text.as_bytes()).unwrap();
            let read = table.numbers::<f64>(&[1, 2]).unwrap();
            prop_assert_eq!(read.data(), &x.iter().flat_map(|&x| [x, x]).collect::<Vec<_>>()[..]);
        }
    }
}

#[test]
fn arrays_of_every_type_and_order() {
    fn check(descr: &str, data: &[u8], expected: [f64; 6]) {
        let c = npy(&header(descr, false, "(2, 3)"), data);
        let array = read_npy_from::<f64>("a", c.as_slice()).unwrap();
        assert_eq!((array.shape(), array.data()), (&[2, 3][..], &expected[..]), "{descr}");
        let fortran = npy(&header(descr, true, "(3, 2)"), data);
        let array = read_npy_from::<f32>("a", fortran.as_slice()).unwrap();
        let turned = [0, 3, 1, 4, 2, 5].map(|i| expected[i] as f32);
        assert_eq!((array.shape(), array.data()), (&[3, 2][..], &turned[..]), "{descr}");
    }
    let small = [1.0, 0.0, 3.0, 4.0, 100.0, 6.0];
    let signed = [-1.0, 0.0, 3.0, -4.0, 100.0, -128.0];
    check("<f8", &signed.map(f64::to_le_bytes).concat(), signed);
    check(">f8", &signed.map(f64::to_be_bytes).concat(), signed);
    check("<f4", &signed.map(|x| (x as f32).to_le_bytes()).concat(), signed);
    check(">f4", &signed.map(|x| (x as f32).to_be_bytes()).concat(), signed);
    check("|i1", &signed.map(|x| (x as i8).to_le_bytes()).concat(), signed);
    check("<i2", &signed.map(|x| (x as i16).to_le_bytes()).concat(), signed);
    check(">i4", &signed.map(|x| (x as i32).to_be_bytes()).concat(), signed);
    check("<i8", &signed.map(|x| (x as i64).to_le_bytes()).concat(), signed);
    check("|u1", &small.map(|x| x as u8), small);
    check(">u2", &small.map(|x| (x as u16).to_be_bytes()).concat(), small);
    check("<u4", &small.map(|x| (x as u32).to_le_bytes()).concat(), small);
    check("<u8", &small.map(|x| (x as u64).to_le_bytes()).concat(), small);
    check("|b1", &[1, 0, 1, 1, 0, 0], [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]);

    let scalar = npy(&header("<f8", false, "()"), &2.5_f64.to_le_bytes());
    let scalar = read_npy_from::<f64>("a", scalar.as_slice()).unwrap();
    assert_eq!((scalar.shape(), scalar.data()), (&[][..], &[2.5][..]));
    let vector = npy(&header("<f8", true, "(1,)"), &2.5_f64.to_le_bytes());
    assert_eq!(read_npy_from::<f64>("a", vector.as_slice()).unwrap().shape(), [1]);
    let deep: Vec<u8> = (0..24).collect();
    let deep = read_npy_from::<f64>("a", npy(&header("|u1", true, "(2,3,4)"), &deep).as_slice());
    assert_eq!(deep.unwrap().data()[..5], [0.0, 6.0, 12.0, 18.0, 2.0]);
}

#[test]
fn bad_arrays_are_refused_with_their_place() {
    let one = 1.0_f64.to_le_bytes();
    let refused = |bytes: &[u8]| file_error(read_npy_from::<f64>("a.npy", bytes)).to_string();
    let good = npy(&header("<f8", false, "(2,)"), &[one, one].concat());
    for cut in 0..good.len() {
        let text = refused(&good[..cut]);
        assert!(text.contains("cut off") || text.contains("fewer"), "{cut}: {text}");
    }
    assert!(refused(&[&good[..], &[0]].concat()).contains("more than the 16 bytes"));
    assert!(refused(b"PK\x03\x04 a zip file").contains("not an NPY file"));
    let nan = npy(&header("<f8", true, "(1, 2)"), &[one, f64::NAN.to_le_bytes()].concat());
    let place = "a.npy, row 1, column 2: NaN at index [0, 1] is no number of the type; \
                 remove or impute such rows first";
    assert_eq!(refused(&nan), place);
    // the eleventh of 2×3×2, in both orders of axes
    let mut numbers = [one; 12];
    numbers[10] = f64::INFINITY.to_le_bytes();
    for (fortran, index) in [(false, [1, 2, 0]), (true, [0, 2, 1])] {
        let file = npy(&header("<f8", fortran, "(2, 3, 2)"), &numbers.concat());
        let error = file_error(read_npy_from::<f64>("a.npy", file.as_slice()));
        assert_eq!((error.line, error.row, error.column), (None, Some(index[0] + 1), None));
        let text = error.to_string();
        let start = format!("a.npy, row {}: inf at index {index:?} is", index[0] + 1);
        assert!(text.starts_with(&start), "{text}");
    }
    for descr in ["<c16", "<U3", "|O", "<f2", "<M8[s]", "", "é"] {
        let text = refused(&npy(&header(descr, false, "(1,)"), &one));
        assert!(text.contains("elements of type"), "{descr}: {text}");
    }
    let records = "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }\n";
    assert!(refused(&npy(records, &one)).contains("records"));
    let broken = [
        "{}",
        "",
        "((((((((",
        "{'descr': '<f8'}",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}",
    ];
    for text in broken.map(|header| refused(&npy(header, &one))) {
        assert!(text.contains("not understood") || text.contains("records"), "{text}");
    }
    for shape in ["(-1,)", "(1.5,)", "(99999999999999999999999,)", "(1", "1"] {
        let text = refused(&npy(&header("<f8", false, shape), &one));
        assert!(text.contains("not understood"), "{text}");
    }
    // integers that the number type does not have
    let odd = npy(&header("<i8", false, "(1,)"), &9_007_199_254_740_993_i64.to_le_bytes());
    assert!(refused(&odd).starts_with("a.npy, row 1: 9007199254740993 at index [0] is no"));
    let odd = npy(&header("<i4", false, "(1,)"), &16_777_217_i32.to_le_bytes());
    assert!(read_npy_from::<f64>("a", odd.as_slice()).is_ok());
    assert!(read_npy_from::<f32>("a", odd.as_slice()).is_err());
    let io = file_error(read_npy::<f64>("there/is/no.npy"));
    assert!(matches!(io.fault, DataFault::Io { kind: std::io::ErrorKind::NotFound, .. }));
}

/// Sizes are claims: nothing is set aside, and nothing overflows, before the data are there.
#[test]
fn claims_of_huge_arrays_are_refused() {
    let refused = |bytes: &[u8]| file_error(read_npy_from::<f64>("a", bytes)).to_string();
    for shape in [
        "(4000000000000,)",
        "(1000000, 1000000, 100)",
        "(18446744073709551615, 16)",
        "(4294967296, 4294967296, 0)",
    ] {
        let text = refused(&npy(&header("<f8", true, shape), &[0; 8]));
        assert!(text.contains("fewer") || text.contains("too large"), "{text}");
    }
    // Without elements too, and whatever their type, a shape is one that an array can have.
    for (descr, last) in [("|u1", "0"), ("<f8", "0"), ("|u1", "1"), ("<f8", "1")] {
        let shape = format!("(4294967296, 42, 94967296, {last})");
        assert!(refused(&npy(&header(descr, false, &shape), &[])).contains("too large"));
    }
    let long = [b"\x93NUMPY\x02\x00".as_slice(), &u32::MAX.to_le_bytes(), b"{}"].concat();
    assert!(refused(&long).contains("claims a header of 4294967295 bytes"));
    assert!(refused(b"\x93NUMPY\x09\x00\x02\x00{}").contains("version 9"));
    let ones = |axes: usize| npy(&header("|u1", true, &format!("({})", "1,".repeat(axes))), &[5]);
    let array = read_npy_from::<f64>("a", ones(64).as_slice()).unwrap();
    assert_eq!((array.shape().len(), array.data()), (64, &[5.0][..]));
    assert!(refused(&ones(65)).contains("65 axes"));
}

/// What is unpacked on the way may have no end: the array's own size is limited, in the memory that it takes.
#[test]
fn arrays_larger_than_a_limit_are_refused() {
    let file = npy(&header("|u1", false, "(100,)"), &[7; 100]);
    let read = |limit| Npy::new().max_bytes(limit).read_from::<f64>("a", file.as_slice());
    assert_eq!(read(800).unwrap().len(), 100);
    assert_eq!(file_error(read(799)).fault, DataFault::TooLarge { limit: 799 });
    assert!(Npy::new().max_bytes(400).read_from::<f32>("a", file.as_slice()).is_ok());
    let claim = npy(&header("|u1", false, "(134217729,)"), &[]);
    let endless = std::io::Read::chain(claim.as_slice(), std::io::repeat(7));
    let error = file_error(read_npy_from::<f64>("a", endless));
    assert_eq!(error.fault, DataFault::TooLarge { limit: 1 << 30 });
}

proptest! {
    #[test]
    fn any_header_is_read_or_refused(text in "[\\x20-\\x7e]{0,80}", data in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = read_npy_from::<f64>("a", npy(&text, &data).as_slice());
        let spoilt = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({text}), }}");
        let _ = read_npy_from::<f64>("a", npy(&spoilt, &data).as_slice());
    }
}

#[cfg(feature = "npz")]
mod npz {
    use std::io::{Cursor, Write as _};

    use dualtape_layers::Npz;

    use super::*;

    const ARCHIVE: &[u8] = include_bytes!("../data/arrays.npz");

    #[test]
    fn archives_hold_arrays_by_name() {
        let mut archive = Npz::new("arrays.npz", Cursor::new(ARCHIVE)).unwrap();
        let mut names = archive.names();
        names.sort_unstable();
        assert_eq!(names, ["fortran", "labels", "x"]);
        let x: Array<f64> = archive.array("x").unwrap();
        let expected: Vec<f64> = (0..200).map(|k| f64::from(k) / 8.0).collect();
        assert_eq!((x.shape(), x.data()), (&[50, 4][..], &expected[..]));
        let turned: Array<f32> = archive.array("fortran").unwrap();
        assert_eq!(
            (turned.shape(), turned.data()),
            (&[2, 3][..], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..])
        );
        assert_eq!(archive.array::<f64>("labels").unwrap().data(), [2.0, 0.0, 1.0]);
        let error = file_error(archive.array::<f64>("y")).to_string();
        assert!(error.starts_with("arrays.npz, `y`: there is no such entry"), "{error}");
    }

    #[test]
    fn a_bad_number_is_refused_with_its_array_row_and_column() {
        let numbers = [1.0, 2.0, 3.0, f64::NAN].map(f64::to_le_bytes).concat();
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("x.npy", zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&npy(&header("<f8", false, "(2, 2)"), &numbers)).unwrap();
        let mut archive = Npz::new("a.npz", archive.finish().unwrap()).unwrap();
        let error = file_error(archive.array::<f64>("x"));
        let start = "a.npz, `x`, row 2, column 2: NaN at index [1, 1] is no number";
        assert!(error.to_string().starts_with(start), "{error}");
        assert_eq!((error.row, error.column), (Some(2), Some(2)));
    }

    fn packed(file: &[u8]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        let options = options.compression_method(zip::CompressionMethod::Deflated);
        archive.start_file("x.npy", options).unwrap();
        archive.write_all(file).unwrap();
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn archives_that_unpack_to_more_than_a_limit_are_refused() {
        let length = 4 << 20;
        let bomb = packed(&npy(&header("|u1", false, &format!("({length},)")), &vec![0; length]));
        assert!(bomb.len() < 8192);
        let read = |limit: u64| {
            let mut archive = Npz::new("a.npz", Cursor::new(&bomb)).unwrap().max_bytes(limit);
            archive.array::<f32>("x").map(|array| array.len())
        };
        let needed = 4 * length as u64;
        assert_eq!(read(needed).unwrap(), length);
        let error = file_error(read(needed - 1));
        assert_eq!(error.fault, DataFault::TooLarge { limit: needed - 1 });
        let start = "a.npz, `x`: is too large: it takes more than the limit of";
        assert!(error.to_string().starts_with(start), "{error}");
    }

    /// Without a limit of one's own, that is 1 GiB, whatever sizes the archive claims.
    #[test]
    fn an_archive_does_not_set_its_limit() {
        let claim = header("|u1", false, "(1073741825,)");
        let honest = packed(&npy(&claim, &[0; 1000]));
        let long = packed(&npy(&header("|u1", false, "(3,)"), &vec![0; 1 << 22]));
        let mut boastful = honest.clone();
        let sizes = |bytes: &mut [u8], at: usize| {
            bytes[at..at + 8].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff]);
        };
        let directory = boastful.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        sizes(&mut boastful, directory + 20);
        for archive in [&honest, &boastful] {
            let mut archive = Npz::new("a.npz", Cursor::new(archive)).unwrap();
            let error = file_error(archive.array::<f32>("x"));
            assert_eq!(error.fault, DataFault::TooLarge { limit: 1 << 30 });
        }
        let error = file_error(Npz::new("a.npz", Cursor::new(&long)).unwrap().array::<f32>("x"));
        assert!(error.to_string().contains("holds more than the 3 bytes"), "{error}");
    }

    #[test]
    fn spoilt_archives_are_refused() {
        assert!(Npz::new("a", Cursor::new(b"no archive")).is_err());
        for cut in 0..ARCHIVE.len() {
            assert!(Npz::new("a", Cursor::new(&ARCHIVE[..cut])).is_err(), "{cut}");
        }
        // any byte changed: refused, or read as something, without a panic
        for at in 0..ARCHIVE.len() {
            let mut bytes = ARCHIVE.to_vec();
            bytes[at] ^= 0x55;
            if let Ok(mut archive) = Npz::new("a", Cursor::new(bytes)) {
                let _ = ["x", "fortran", "labels"].map(|name| archive.array::<f64>(name));
            }
        }
    }
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays_of_ndarray_are_data() {
    let rows = ndarray::array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    let targets = ndarray::array![1.0, 2.0, 3.0];
    let data = dualtape_layers::Dataset::new(Array::from(&rows), Array::from(&targets)).unwrap();
    assert_eq!((data.inputs().shape(), data.targets().shape()), (&[3, 2][..], &[3][..]));
}
