//! The levels of HNSW over a graph that has none: which nodes have them, by a hash of their numbers, and the links of each.
//!
//! On each level the nodes that are on it have links to their nearest among themselves by the exact search, chosen by `heuristic.rs`. (Levels: Malkov and Yashunin, arXiv 1603.09320.)

use super::heuristic::{self, Points};
use super::kernels::MOST_DEGREE;
use super::layers::{MOST_LEVEL, Upper};
use super::{links, neighbors, starts};
use crate::buffer::Buffer;
use crate::call::CancelToken;
use crate::dtype::AlignedBlock;
use crate::error::Result;
use crate::exact::{Dataset, NO_ROW};
use crate::space;

/// Of how many levels, with how many links, the nodes above level 0 are to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Levels {
    /// Links of a node on a level above 0: half of those on level 0.
    pub m: u32,
    /// Candidates of its links.
    pub ef_construction: u64,
    /// The highest level that a node may have.
    pub most: u32,
    /// The mean level of a node; `None` is 1 / ln m.
    pub multiplier: Option<f64>,
    pub seed: u64,
}

impl Levels {
    /// Of a graph of so many edges a row.
    pub fn of_degree(degree: u32) -> Levels {
        let m = (degree / 2).max(2);
        Levels { m, ef_construction: 200, most: 16, multiplier: None, seed: 0 }
    }

    /// The highest level of a node: -ln(u) times the multiplier, u between 0 and 1 by a hash of seed and number.
    fn of(&self, node: u32) -> u32 {
        let hash = mixed(self.seed ^ mixed(u64::from(node) + 1));
        // 53 bits, and never 0
        let u = ((hash >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let multiplier = self.multiplier.unwrap_or(1.0 / f64::from(self.m.max(2)).ln());
        let level = (-u.ln() * multiplier).floor();
        (level.max(0.0) as u32).min(self.most).min(MOST_LEVEL)
    }

    /// The levels over the rows of a dataset, which are compared under L2 or by what this makes of their products, with such links. What is not reached from
    /// the level above is on that level, too: so a way leads from the entry point to every row.
    pub fn over(
        &self,
        compared: &Dataset,
        (links, degree): (&Buffer, u32),
        cancel: Option<&CancelToken>,
    ) -> Result<Upper> {
        let n = compared.len() as u32;
        let mut tops: Vec<u32> = (0..n).map(|node| self.of(node)).collect();
        let mut lists: Vec<Vec<u32>> = Vec::new();
        // the nodes of a level, and those of them that the one above does not lead to
        let nodes: Vec<u32> = (0..n).filter(|&node| tops[node as usize] > 0).collect();
        let from = if nodes.is_empty() { vec![0] } else { nodes.clone() };
        let mut missed = starts::unreached(compared.gpu(), (n, (links, degree)), &from, None)?;
        if nodes.is_empty() && !missed.is_empty() {
            missed.push(0);
        }
        for level in 1..=self.most.min(MOST_LEVEL) {
            for node in missed {
                tops[node as usize] = tops[node as usize].max(level);
            }
            let is_there = |&node: &u32| tops[node as usize] >= level;
            let nodes: Vec<u32> = (0..n).filter(is_there).collect();
            if nodes.is_empty() {
                break;
            }
            let found = self.links(compared, &nodes, cancel)?;
            let above = (0..).zip(&nodes).filter(|(_, node)| tops[**node as usize] > level);
            let above: Vec<u32> = above.map(|(place, _)| place).collect();
            let from = if above.is_empty() { &[0][..] } else { &above };
            let places = heuristic::unreached(&found, self.m as usize, from);
            missed = places.into_iter().map(|place| nodes[place as usize]).collect();
            if above.is_empty() && !missed.is_empty() {
                missed.push(nodes[0]);
            }
            let by_number = |&place: &u32| *nodes.get(place as usize).unwrap_or(&NO_ROW);
            lists.push(found.iter().map(by_number).collect());
            if above.is_empty() && missed.is_empty() {
                break;
            }
        }
        let (m, highest) = (self.m as usize, lists.len() as u32);
        let mut upper = Upper::new(self.m, self.ef_construction, None);
        // how many nodes of each level were passed
        let mut passed = vec![0; lists.len()];
        let mut own = Vec::new();
        for (node, top) in (0..).zip(tops).filter(|(_, top)| *top > 0) {
            own.clear();
            for level in 0..top.min(highest) as usize {
                own.extend_from_slice(&lists[level][passed[level] * m..][..m]);
                passed[level] += 1;
            }
            upper.push(node, &own);
        }
        upper.entry = upper.highest(n);
        Ok(upper)
    }

    /// The links of the nodes of a level among themselves, by their places among them.
    fn links(
        &self,
        compared: &Dataset,
        nodes: &[u32],
        cancel: Option<&CancelToken>,
    ) -> Result<Vec<u32>> {
        let (gpu, width, dim) = (compared.gpu(), self.width(), compared.rows().dim());
        let own = compared.gather(nodes)?;
        let of_neighbors = (width, neighbors::largest_part(gpu));
        let parts = neighbors::neighbors(&own, of_neighbors, cancel)?.parts;
        let near: Vec<Vec<u32>> = parts
            .iter()
            .map(|part| links::read(gpu, part, 0, part.size() / 4))
            .collect::<Result<_>>()?;
        let near = near.concat();
        let bytes = own.rows().read(0..nodes.len())?;
        let mut values = AlignedBlock::default().rows(own.rows().dtype(), &bytes)?.to_f32();
        if space::is_scaled(own.metric()) {
            // by directions, as they are compared
            space::normalize(&mut values, dim);
        }
        Points { values: &values, dim }.links(&near, width as usize, self.m as usize)
    }

    /// Neighbours of a node that its links are chosen among.
    fn width(&self) -> u32 {
        let most = self.ef_construction.min(u64::from(MOST_DEGREE)) as u32;
        most.max(self.m).next_multiple_of(32)
    }
}

/// The hash of Steele et al., OOPSLA 2014 (SplitMix64), of which every output occurs once.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_as_many_as_the_multiplier_says_and_a_function_of_seed_and_number() {
        let levels = |seed| Levels { seed, ..Levels::of_degree(32) };
        let count = |levels: Levels, least: u32| {
            (0..200_000).filter(|&node| levels.of(node) >= least).count() as f64
        };
        for (level, share) in [(1, 1.0 / 16.0), (2, 1.0 / 256.0)] {
            let counted = count(levels(7), level) / 200_000.0;
            assert!((counted / share - 1.0).abs() < 0.1, "level {level}: {counted}");
        }
        let first = |seed| (0..1000).map(|node| levels(seed).of(node)).collect::<Vec<_>>();
        assert_eq!(first(7), first(7));
        assert_ne!(first(7), first(8));
        let flat = Levels { most: 1, multiplier: Some(1e9), ..levels(0) };
        assert!((0..1000).all(|node| flat.of(node) == 1));
        let none = Levels { multiplier: Some(0.0), ..levels(0) };
        assert!((0..1000).all(|node| none.of(node) == 0));
    }
}
