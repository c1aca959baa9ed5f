//! A folder of `src` is a layer: its files use only what stands in it or above it in the table.

use std::collections::BTreeMap;

use crate::circles::{entry, listed};
use crate::report;
use crate::source::Tree;
use crate::uses::{Use, Uses};

/// What stands in one folder, from what the others use to what uses the others.
pub struct Order<'a> {
    pub folder: &'a str,
    pub ranks: &'a [Rank<'a>],
}

/// Files and folders of one rank, without extensions.
pub enum Rank<'a> {
    /// They do not use each other.
    Apart(&'a [&'a str]),
    /// They may use each other, though no two files in a circle.
    Together(&'a [&'a str]),
}

use Rank::{Apart, Together};

/// A folder without an entry is held to having no circle. An entry names everything in its folder; what it names may be
/// missing, as the engines that are not yet written.
const ORDERS: &[Order] = &[
    Order {
        folder: "src",
        ranks: &[
            Together(&["error", "metric", "dtype", "names", "size", "parallel"]),
            Apart(&["reference", "format"]),
            Apart(&["space"]),
            Apart(&["device"]),
            Apart(&["buffer"]),
            Apart(&["kernel"]),
            Apart(&["call"]),
            Apart(&["ops"]),
            Apart(&["exact"]),
            Apart(&["clustering"]),
            Apart(&["quantize"]),
            Apart(&["invlists"]),
            Apart(&["graph"]),
            Apart(&["index"]),
            Apart(&["io"]),
            Apart(&["collection"]),
            // pages without code
            Apart(&["guide"]),
            // The root hands names on; nothing may use what it would define itself but the programs.
            Apart(&["lib"]),
            Apart(&["bin"]),
        ],
    },
    Order {
        folder: "src/bin/nearfield",
        ranks: &[Apart(&["args"]), Apart(&["shell"]), Apart(&["commands"]), Apart(&["main"])],
    },
];

#[test]
fn each_file_uses_only_its_own_layer_and_those_above() {
    let uses = Uses::of(&Tree::of_the_repository());
    let problems: Vec<String> = ORDERS.iter().flat_map(|order| faults(order, &uses)).collect();
    report(&format!("{} uses in {} folders", uses.all.len(), ORDERS.len()), &problems);
}

/// What has no place in the order; then, for each pair that is used against it, the uses.
pub fn faults(order: &Order, uses: &Uses) -> Vec<String> {
    let folder = order.folder;
    let (mut problems, mut unknown) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for name in uses.files.iter().filter_map(|file| entry(folder, file)) {
        if rank(order, name).is_none() {
            *unknown.entry(name).or_default() += 1;
        }
    }
    problems.extend(unknown.iter().map(|(name, files)| {
        format!("{folder}/{name} ({files} files) has no place in the order of {folder}")
    }));
    let mut against: BTreeMap<(&str, &str), Vec<&Use>> = BTreeMap::new();
    for u in &uses.all {
        let Some((from, to)) = entry(folder, &u.from).zip(entry(folder, &u.to)) else { continue };
        let Some((own, other)) = rank(order, from).zip(rank(order, to)) else { continue };
        let together = own == other && matches!(order.ranks[own], Together(_));
        if from != to && other >= own && !together {
            against.entry((from, to)).or_default().push(u);
        }
    }
    problems.extend(
        against.iter().map(|((from, to), uses)| {
            format!("{folder}: {from} may not use {to}:{}", listed(uses))
        }),
    );
    problems
}

fn rank(order: &Order, name: &str) -> Option<usize> {
    order.ranks.iter().position(|rank| match rank {
        Apart(names) | Together(names) => names.contains(&name),
    })
}
