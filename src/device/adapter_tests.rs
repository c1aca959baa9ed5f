use super::*;

/// Two equal cards, a third one whose name holds digits, and a software driver.
fn cards() -> Vec<AdapterSummary> {
    let card = |(index, (name, pci)): (usize, (&str, &str))| AdapterSummary {
        index,
        name: name.into(),
        backend: Backend::Vulkan,
        device_type: DeviceType::Discrete,
        driver: "Abacus 15.0.6".into(),
        pci: pci.into(),
    };
    let all = [
        ("Bead 9000", "0000:01:00.0"),
        ("Bead 9000", "0000:41:00.0"),
        ("Slate 5", "0001:c1:00.0"),
        ("softpipe", ""),
    ];
    all.into_iter().enumerate().map(card).collect()
}

fn places(text: &str) -> Vec<usize> {
    let cards = cards();
    let wanted = Wanted::parse(text).unwrap();
    cards.iter().filter(|card| wanted.fits(card)).map(|card| card.index).collect()
}

#[test]
fn a_number_is_a_place_and_nothing_else() {
    assert_eq!((places("0"), places("3")), (vec![0], vec![3]));
    // Each stands in a name or in the driver's version.
    for none in
        ["4", "5", "9000", "15", "15.0", "00", "+1", "-1", "1.0", "1e0", "99999999999999999999"]
    {
        assert_eq!(places(none), [], "{none}");
    }
}

#[test]
fn a_text_is_a_part_of_a_name_or_of_a_driver() {
    assert_eq!((places("bead"), places("Slate 5")), (vec![0, 1], vec![2]));
    assert_eq!((places("15.0.6"), places("abacus 15")), (vec![0, 1, 2, 3], vec![0, 1, 2, 3]));
    assert_eq!(places("no such card"), []);
    for empty in ["", " ", "\t"] {
        assert!(matches!(Wanted::parse(empty), Err(Error::InvalidArgument { .. })), "{empty:?}");
    }
}

#[test]
fn equal_cards_are_told_apart_by_their_bus() {
    assert_eq!((places("0000:41:00.0"), places("41:00.0")), (vec![1], vec![1]));
    assert_eq!((places("0001:C1:00.0"), places("c1:00.0")), (vec![2], vec![]));
    assert_eq!((places("0000:42:00.0"), places("00.0")), (vec![], vec![]));
    assert_eq!(
        cards()[1].to_string(),
        "1: Bead 9000 (vulkan, discrete), Abacus 15.0.6, PCI 0000:41:00.0"
    );
}

#[test]
fn what_is_not_there_is_answered_with_the_list() {
    let error = none(Wanted::parse("7").unwrap().to_string(), &cards()).to_string();
    assert!(error.contains("at place 7") && error.contains("1: Bead 9000"), "{error}");
}
