//! The layers of an HNSW graph on the host, as files have them: links of each node on level 0, and on each level up to its own.

use crate::exact::NO_ROW;
use std::fmt;

/// The most links of a node on level 0 that a search follows: a step has room for what one row leads to.
pub(crate) const MOST_LINKS: u32 = 256;
/// The most places of a list that is read: hnswlib counts links in 16 bits.
pub(crate) const MOST_PLACES: u32 = u16::MAX as u32;
/// No level is as high: at 16 links a node, one node of 16^254 would have it.
pub(crate) const MOST_LEVEL: u32 = 254;

/// All of a graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layers {
    /// Places of a node on level 0.
    pub degree: u32,
    /// Links of each node on level 0, `degree` places each, `NO_ROW` behind the last.
    pub base: Vec<u32>,
    pub upper: Upper,
}

/// What a graph has above level 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Upper {
    /// Places of a node on each of its levels (M).
    pub m: u32,
    /// Candidates of a node's links, as the file says or the index was told.
    pub ef_construction: u64,
    /// From where a descent sets out; `None` where there are no nodes.
    pub entry: Option<u32>,
    /// The nodes above level 0, ascending, and the highest level of each.
    nodes: Vec<u32>,
    tops: Vec<u8>,
    /// The first list of each.
    firsts: Vec<u32>,
    /// Lists of `m` places, `NO_ROW` behind the last: of each node that of level 1, of level 2, and so on.
    links: Vec<u32>,
}

/// What is wrong with a graph, and where.
#[derive(Debug, PartialEq)]
pub(crate) struct Broken {
    pub node: u32,
    pub level: u32,
    /// The place in the list; `None` of a node itself.
    pub place: Option<u32>,
    reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { node, level, place, reason } = self;
        match place {
            Some(_) => write!(f, "node {node} on level {level}: {reason}"),
            None => write!(f, "node {node}: {reason}"),
        }
    }
}

impl Upper {
    /// Without a node.
    pub fn new(m: u32, ef_construction: u64, entry: Option<u32>) -> Upper {
        Upper { m, ef_construction, entry, ..Upper::default() }
    }

    /// Adds a node behind those that are there, with whole lists of the levels from 1 on.
    pub fn push(&mut self, node: u32, lists: &[u32]) {
        self.firsts.push((self.links.len() / self.m.max(1) as usize) as u32);
        self.nodes.push(node);
        self.tops.push((lists.len() / self.m.max(1) as usize) as u8);
        self.links.extend_from_slice(lists);
    }

    /// The nodes above level 0, ascending.
    pub fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    /// The highest level of each of [`nodes`](Self::nodes).
    pub fn tops(&self) -> &[u8] {
        &self.tops
    }

    /// All lists, one behind the other.
    pub fn lists(&self) -> &[u32] {
        &self.links
    }

    /// The highest level of a node.
    pub fn top(&self, node: u32) -> u32 {
        self.nodes.binary_search(&node).map_or(0, |at| self.tops[at].into())
    }

    /// The highest level of all.
    pub fn max_level(&self) -> u32 {
        self.entry.map_or(0, |entry| self.top(entry))
    }

    /// The links of a node on a level from 1 on, up to its own.
    pub fn links(&self, node: u32, level: u32) -> &[u32] {
        let m = self.m as usize;
        match self.nodes.binary_search(&node) {
            Ok(at) if (1..=u32::from(self.tops[at])).contains(&level) => {
                let first = (self.firsts[at] + level - 1) as usize * m;
                links_of(&self.links[first..first + m])
            }
            _ => &[],
        }
    }

    /// The nodes of the lowest level above 0 that has at most so many.
    pub fn at_most(&self, most: usize) -> Vec<u32> {
        let of = |level: u8| {
            let both = self.nodes.iter().zip(&self.tops);
            both.filter(move |(_, top)| **top >= level).map(|(node, _)| *node)
        };
        let levels = (1..=MOST_LEVEL as u8).map(|level| of(level).collect::<Vec<u32>>());
        levels.into_iter().find(|nodes| nodes.len() <= most).unwrap_or_default()
    }

    /// The first node of the highest level, of `count` nodes.
    pub fn highest(&self, count: u32) -> Option<u32> {
        let highest = self.tops.iter().max();
        let at = highest.and_then(|highest| self.tops.iter().position(|top| top == highest));
        at.map(|at| self.nodes[at]).or((count > 0).then_some(0))
    }
}

/// The links of a list.
pub(crate) fn links_of(list: &[u32]) -> &[u32] {
    let end = list.iter().position(|&link| link == NO_ROW).unwrap_or(list.len());
    &list[..end]
}

impl Layers {
    pub fn count(&self) -> u32 {
        (self.base.len() / self.degree.max(1) as usize) as u32
    }

    /// The links of a node on level 0.
    pub fn base_links(&self, node: u32) -> &[u32] {
        let degree = self.degree as usize;
        links_of(&self.base[node as usize * degree..][..degree])
    }

    /// Has nodes above level 0 lead to what they lead to on level 1 on level 0, too: in free places, and in the last quarter of the others. They are ways out
    /// of groups of rows that are nearer to each other than to all else, for searches that set out from one node.
    pub fn lead_out(&mut self) {
        let (degree, kept) =
            (self.degree as usize, self.degree as usize - self.degree as usize / 4);
        for &node in &self.upper.nodes {
            let list = &mut self.base[node as usize * degree..][..degree];
            let mut own = links_of(list).to_vec();
            let ways = self.upper.links(node, 1).iter().filter(|link| !own.contains(link));
            let ways: Vec<u32> = ways.copied().take(degree - own.len().min(kept)).collect();
            own.truncate(degree - ways.len());
            own.extend(ways);
            own.resize(degree, NO_ROW);
            list.copy_from_slice(&own);
        }
    }

    /// The first thing that is wrong with what a file says: each link has to lead to another node that is on its level.
    pub fn broken(&self) -> Option<Broken> {
        let count = self.count();
        for (node, list) in (0..).zip(self.base.chunks_exact(self.degree.max(1) as usize)) {
            if let Some((place, reason)) = bad_link(links_of(list), node, count, |_| true) {
                return Some(Broken { node, level: 0, place: Some(place), reason });
            }
        }
        let upper = &self.upper;
        for (at, &node) in upper.nodes.iter().enumerate() {
            let top = u32::from(upper.tops[at]);
            if node >= count {
                let reason = format!("there are {count} nodes");
                return Some(Broken { node, level: top, place: None, reason });
            }
            for level in 1..=top {
                let is_there = |link: u32| upper.top(link) >= level;
                let links = upper.links(node, level);
                if let Some((place, reason)) = bad_link(links, node, count, is_there) {
                    return Some(Broken { node, level, place: Some(place), reason });
                }
            }
        }
        match upper.entry {
            Some(node) if node >= count => {
                let reason = format!("a search sets out from it, of {count} nodes");
                Some(Broken { node, level: 0, place: None, reason })
            }
            Some(node) => {
                let highest = upper.tops.iter().max().map_or(0, |&top| top.into());
                let (level, place) = (upper.top(node), None);
                let reason = format!("a search sets out from it on level {level} of {highest}");
                (level < highest).then_some(Broken { node, level, place, reason })
            }
            None if count > 0 => {
                let reason = "there is none that a search sets out from".to_owned();
                Some(Broken { node: 0, level: 0, place: None, reason })
            }
            None => None,
        }
    }

    /// With the numbered nodes alone, which ascend; node `keep[i]` becomes node i. Where a node loses links, those of the nodes that
    /// they led to take their places, the first of each first.
    pub fn keep(&self, keep: &[u32]) -> Layers {
        let mut numbers = vec![NO_ROW; self.count() as usize];
        for (number, &node) in (0..).zip(keep) {
            numbers[node as usize] = number;
        }
        let mut base = Vec::with_capacity(keep.len() * self.degree as usize);
        for &node in keep {
            let of = |node| self.base_links(node);
            base.extend(kept_links(node, self.degree, &numbers, of));
        }
        let old = &self.upper;
        let mut upper = Upper::new(old.m, old.ef_construction, None);
        for (number, &node) in (0..).zip(keep) {
            let lists = (1..=old.top(node))
                .flat_map(|level| kept_links(node, old.m, &numbers, |node| old.links(node, level)));
            let lists: Vec<u32> = lists.collect();
            if !lists.is_empty() {
                upper.push(number, &lists);
            }
        }
        let entry = old.entry.and_then(|entry| numbers.get(entry as usize).copied());
        upper.entry = entry.filter(|&entry| entry != NO_ROW).filter(|&entry| {
            // of what is left it has to be one of the highest
            upper.tops.iter().all(|&top| u32::from(top) <= upper.top(entry))
        });
        upper.entry = upper.entry.or_else(|| upper.highest(keep.len() as u32));
        Layers { degree: self.degree, base, upper }
    }
}

/// The place of the first link that leads nowhere, and why.
fn bad_link(
    links: &[u32],
    node: u32,
    count: u32,
    is_there: impl Fn(u32) -> bool,
) -> Option<(u32, String)> {
    let bad = |&link: &u32| link >= count || link == node || !is_there(link);
    let place = links.iter().position(bad)?;
    let reason = match links[place] {
        link if link >= count => format!("a link to node {link} of {count}"),
        link if link == node => "a link to itself".to_owned(),
        link => format!("a link to node {link}, which is not on that level"),
    };
    Some((place as u32, reason))
}

/// A list of `degree` places of what a node leads to among those that have a number, by these.
fn kept_links<'a>(
    node: u32,
    degree: u32,
    numbers: &[u32],
    links: impl Fn(u32) -> &'a [u32],
) -> Vec<u32> {
    let own = numbers[node as usize];
    let (mut list, most) = (Vec::with_capacity(degree as usize), degree as usize);
    let number = |link: &u32| numbers[*link as usize];
    let mut gone = Vec::new();
    for &link in links(node) {
        match number(&link) {
            NO_ROW => gone.push(links(link)),
            number => list.push(number),
        }
    }
    let longest = gone.iter().map(|links| links.len()).max().unwrap_or(0);
    for at in 0..longest {
        for link in gone.iter().filter_map(|links| links.get(at)) {
            let number = number(link);
            let is_new = number != NO_ROW && number != own && !list.contains(&number);
            if is_new && list.len() < most {
                list.push(number);
            }
        }
    }
    list.resize(most, NO_ROW);
    list
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
