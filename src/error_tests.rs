use super::*;
use std::error::Error as _;

/// One of each.
fn all() -> Vec<Error> {
    let text = || "some text".to_owned();
    let inner = std::io::Error::other("the text within");
    let of_system = std::io::Error::from_raw_os_error(2);
    vec![
        Error::NoAdapter { wanted: text(), help: text() },
        Error::DeviceLost { reason: text() },
        Error::OutOfDeviceMemory { what: text(), requested: 3, in_use: 2, budget: 1 },
        Error::LimitExceeded { what: text(), needed: 2, limit: 1 },
        Error::MissingFeature { feature: text(), help: "some help" },
        Error::DimensionMismatch { expected: 3, actual: 4 },
        Error::PartialRow { len: 10, dim: 3, packed: false },
        Error::NonFinite { row: 1, column: 2 },
        Error::InvalidValue { row: 1, column: 2, reason: text() },
        Error::LossyConversion {
            dtype: "i8",
            first_row: 1,
            changed: 2,
            rows: 3,
            scale: 2.0,
            percent: 10,
            instead: "something else",
        },
        Error::argument("k", "some text"),
        Error::NotTrained,
        Error::unsupported("this", "that"),
        Error::DuplicateId { id: 1 },
        Error::UnknownId { id: 1 },
        Error::Shader { line: 1, column: 2, message: text() },
        Error::Profile { origin: text(), reason: text() },
        Error::format("a file", 3, "some text"),
        Error::io("a file", inner),
        Error::io("a file", of_system),
        Error::Cancelled,
        Error::internal("some text"),
    ]
}

/// A new variant does not compile until it has its place in `all`, in the order of the definition.
fn place(error: &Error) -> usize {
    match error {
        Error::NoAdapter { .. } => 0,
        Error::DeviceLost { .. } => 1,
        Error::OutOfDeviceMemory { .. } => 2,
        Error::LimitExceeded { .. } => 3,
        Error::MissingFeature { .. } => 4,
        Error::DimensionMismatch { .. } => 5,
        Error::PartialRow { .. } => 6,
        Error::NonFinite { .. } => 7,
        Error::InvalidValue { .. } => 8,
        Error::LossyConversion { .. } => 9,
        Error::InvalidArgument { .. } => 10,
        Error::NotTrained => 11,
        Error::Unsupported { .. } => 12,
        Error::DuplicateId { .. } => 13,
        Error::UnknownId { .. } => 14,
        Error::Shader { .. } => 15,
        Error::Profile { .. } => 16,
        Error::Format { .. } => 17,
        Error::Io { .. } => 18,
        Error::Cancelled => 19,
        Error::Internal { .. } => 20,
    }
}

#[test]
fn a_main_that_returns_an_error_shows_its_text() {
    for error in all() {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
    let help = "install a driver:\n    apt install mesa-vulkan-drivers".to_owned();
    let shown = format!("{:?}", Error::NoAdapter { wanted: String::new(), help });
    assert_eq!(shown.lines().count(), 2, "{shown}");
}

#[test]
fn rows_that_all_change_are_not_counted_twice() {
    assert_eq!(found(2000, 2000), "2000 rows, all there are,");
    assert_eq!(found(3, 2000), "3 or more rows, of 2000,");
}

#[test]
fn a_part_of_a_row_of_bits_is_told_in_bytes() {
    let of = |len, dim, packed| Error::PartialRow { len, dim, packed }.to_string();
    assert!(of(1021, 1021, true).starts_with("1021 bytes are no whole number of rows: a row of"));
    assert!(of(1021, 1021, true).ends_with(" 1021 bits takes 128 bytes"));
    assert!(of(10, 3, false).ends_with(": 10 is no multiple of 3"));
}

#[test]
fn a_chain_prints_nothing_twice_and_leaves_nothing_out() {
    let mut places: Vec<usize> = all().iter().map(place).collect();
    places.dedup();
    assert_eq!(places, (0..21).collect::<Vec<_>>());
    for error in all() {
        let own = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            assert!(!own.contains(&cause.to_string()), "{own}: {cause}");
            next = cause.source();
        }
    }
    let io = Error::io("a file", std::io::Error::other("the text within")).to_string();
    assert_eq!(io, "a file: the text within");
}
