use super::*;

/// Six nodes in a row, each linked to those beside it; nodes 1 and 4 on level 1, node 4 on level 2.
fn line() -> Layers {
    let base = (0..6u32).flat_map(|node| {
        let mut list: Vec<u32> = [node.wrapping_sub(1), node + 1].into();
        list.retain(|&link| link < 6);
        list.resize(4, NO_ROW);
        list
    });
    let mut upper = Upper::new(2, 8, Some(4));
    upper.push(1, &[4, NO_ROW]);
    upper.push(4, &[1, NO_ROW, NO_ROW, NO_ROW]);
    Layers { degree: 4, base: base.collect(), upper }
}

#[test]
fn lists_are_those_of_their_node_and_level() {
    let layers = line();
    assert_eq!(layers.broken(), None);
    assert_eq!((layers.count(), layers.upper.max_level()), (6, 2));
    assert_eq!((layers.base_links(0), layers.base_links(3)), (&[1][..], &[2, 4][..]));
    assert_eq!((layers.upper.links(1, 1), layers.upper.links(4, 1)), (&[4][..], &[1][..]));
    for (node, level) in [(0, 1), (1, 2), (4, 2), (4, 3), (4, 0)] {
        assert!(layers.upper.links(node, level).is_empty());
    }
    assert_eq!((layers.upper.top(1), layers.upper.top(4), layers.upper.top(5)), (1, 2, 0));
    assert_eq!(layers.upper.at_most(9), [1, 4]);
    assert_eq!(layers.upper.at_most(1), [4]);
    assert!(layers.upper.at_most(0).is_empty());
}

#[test]
fn what_is_wrong_is_found_where_it_is() {
    let broken = |change: fn(&mut Layers)| {
        let mut layers = line();
        change(&mut layers);
        layers.broken().map(|it| (it.node, it.level, it.place, it.to_string()))
    };
    let at = |change, node, level, place, word: &str| {
        let (n, l, p, said) = broken(change).unwrap();
        assert!((n, l, p) == (node, level, place) && said.contains(word), "{n} {l} {p:?}: {said}");
    };
    at(|it| it.base[9] = 6, 2, 0, Some(1), "node 6 of 6");
    at(|it| it.base[8] = 2, 2, 0, Some(0), "itself");
    at(|it| it.upper.links[0] = 3, 1, 1, Some(0), "not on that level");
    at(|it| it.upper.links[4] = 1, 4, 2, Some(0), "not on that level");
    at(|it| it.upper.links[2] = 9, 4, 1, Some(0), "node 9 of 6");
    at(|it| it.upper.nodes[1] = 7, 1, 1, Some(0), "not on that level");
    at(|it| it.upper.entry = Some(1), 1, 1, None, "level 1 of 2");
    at(|it| it.upper.entry = Some(8), 8, 0, None, "of 6 nodes");
    at(|it| it.upper.entry = None, 0, 0, None, "none");
    // a hole ends a list
    assert_eq!(broken(|it| it.base[4..8].copy_from_slice(&[NO_ROW, 99, 99, 99])), None);
    let empty = Layers { degree: 4, base: Vec::new(), upper: Upper::new(2, 8, None) };
    assert_eq!((empty.broken(), empty.upper.max_level()), (None, 0));
}

#[test]
fn nodes_above_lead_out_on_level_0() {
    let mut layers = line();
    layers.lead_out();
    let lists: Vec<&[u32]> = (0..6).map(|node| layers.base_links(node)).collect();
    assert_eq!(lists, [&[1][..], &[0, 2, 4], &[1, 3], &[2, 4], &[3, 5, 1], &[4]]);
    let again = layers.clone();
    layers.lead_out();
    assert_eq!(layers, again);
    // of a full list the last quarter
    layers.base[16..20].copy_from_slice(&[3, 5, 2, 0]);
    layers.lead_out();
    assert_eq!(layers.base_links(4), [3, 5, 2, 1]);
}

#[test]
fn nodes_that_go_leave_ways_between_those_that_stay() {
    let layers = line();
    assert_eq!(layers.keep(&[0, 1, 2, 3, 4, 5]), layers);
    // without 1 and 4: 0 is linked to 2, 3 to 5
    let kept = layers.keep(&[0, 2, 3, 5]);
    assert_eq!(kept.broken(), None);
    let lists: Vec<&[u32]> = (0..4).map(|node| kept.base_links(node)).collect();
    assert_eq!(lists, [&[1][..], &[2, 0], &[1, 3], &[2]]);
    assert_eq!((kept.upper.entry, kept.upper.max_level()), (Some(0), 0));
    let kept = layers.keep(&[1, 2, 3]);
    assert_eq!((kept.upper.entry, kept.upper.nodes()), (Some(0), &[0][..]));
    assert_eq!(kept.upper.links(0, 1), &[] as &[u32]);
    assert_eq!(kept.broken(), None);
    let none = layers.keep(&[]);
    assert_eq!((none.count(), none.upper.entry, none.broken()), (0, None, None));
}
