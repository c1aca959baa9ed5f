//! The links of the nodes of a level, of the nearest among them: each next one that is nearer to the node than to all that were taken before, so that they lead into
//! all directions (Malkov and Yashunin, arXiv 1603.09320, algorithm 4); then the ways back, chosen likewise where there are too many.

use crate::error::Result;
use crate::exact::NO_ROW;
use crate::parallel;

/// Nodes of one piece of work.
const STEP: usize = 256;

/// Rows of a level, all in f32, whose squared distances decide.
pub(super) struct Points<'a> {
    pub values: &'a [f32],
    pub dim: usize,
}

impl Points<'_> {
    fn distance(&self, a: u32, b: u32) -> f32 {
        let row = |at: u32| &self.values[at as usize * self.dim..][..self.dim];
        row(a).iter().zip(row(b)).map(|(x, y)| (x - y) * (x - y)).sum()
    }

    fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// At most `m` of the candidates of a node, which are sorted by distance.
    fn chosen(&self, candidates: &[(f32, u32)], m: usize) -> Vec<u32> {
        if candidates.len() <= m {
            return candidates.iter().map(|(_, link)| *link).collect();
        }
        let mut taken: Vec<u32> = Vec::with_capacity(m);
        for &(distance, link) in candidates {
            if taken.len() == m {
                break;
            }
            if taken.iter().all(|&before| self.distance(before, link) >= distance) {
                taken.push(link);
            }
        }
        taken
    }

    /// The candidates of a node, nearest first and each once.
    fn sorted(&self, node: u32, links: impl Iterator<Item = u32>) -> Vec<(f32, u32)> {
        let others = links.filter(|&link| link != node);
        let mut all: Vec<_> = others.map(|link| (self.distance(node, link), link)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.dedup();
        all
    }

    /// Lists of `m` places for each node, of `width` near ones of each, `NO_ROW` behind the last of both.
    pub fn links(&self, near: &[u32], width: usize, m: usize) -> Result<Vec<u32>> {
        let forward = self.each(
            |node| {
                let own = &near[node as usize * width..][..width];
                self.sorted(node, own.iter().copied().take_while(|&link| link != NO_ROW))
            },
            m,
        )?;
        let mut back = vec![Vec::new(); self.len()];
        for (node, links) in (0..).zip(&forward) {
            links.iter().for_each(|&link| back[link as usize].push(node));
        }
        let all = self.each(
            |node| {
                let ways = forward[node as usize].iter().chain(&back[node as usize]);
                self.sorted(node, ways.copied())
            },
            m,
        )?;
        let mut lists = Vec::with_capacity(self.len() * m);
        for mut links in all {
            links.resize(m, NO_ROW);
            lists.extend(links);
        }
        Ok(lists)
    }

    /// What is chosen for each node among its candidates.
    fn each(
        &self,
        candidates: impl Fn(u32) -> Vec<(f32, u32)> + Sync + Send,
        m: usize,
    ) -> Result<Vec<Vec<u32>>> {
        let n = self.len();
        let parts: Vec<_> = (0..n).step_by(STEP).map(|at| at..(at + STEP).min(n)).collect();
        let done = parallel::each(parts, |part| {
            let of = |node: usize| self.chosen(&candidates(node as u32), m);
            Ok(part.map(of).collect::<Vec<_>>())
        })?;
        Ok(done.concat())
    }
}

/// Nodes that no way of links leads to from those in `from`, some of them, from which all others are reached.
pub(super) fn unreached(lists: &[u32], m: usize, from: &[u32]) -> Vec<u32> {
    let n = lists.len() / m;
    let (mut is_reached, mut more) = (vec![false; n], Vec::new());
    let mut next = from.to_vec();
    for start in 0..=n {
        while let Some(node) = next.pop() {
            if std::mem::replace(&mut is_reached[node as usize], true) {
                continue;
            }
            let links = &lists[node as usize * m..][..m];
            next.extend(links.iter().take_while(|&&link| link != NO_ROW));
        }
        if start < n && !is_reached[start] {
            more.push(start as u32);
            next.push(start as u32);
        }
    }
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_into_all_directions_and_back() {
        // near 0 on one side three, on the other one that is farther
        let values = [0.0, 1.0, 1.1, 1.2, -2.0];
        let points = Points { values: &values, dim: 1 };
        let near: Vec<u32> = (0..5u32)
            .flat_map(|node| {
                let all = points.sorted(node, 0..5);
                all.into_iter().map(|(_, link)| link).collect::<Vec<_>>()
            })
            .collect();
        let lists = points.links(&near, 4, 2).unwrap();
        assert_eq!(lists[..2], [1, 4]);
        assert_eq!(lists[8..], [0, NO_ROW]);
        assert!(unreached(&lists, 2, &[4]).is_empty());
    }

    #[test]
    fn one_of_each_island_is_found() {
        let none = NO_ROW;
        let lists = [1, none, 0, none, none, none, 4, none, none, none];
        assert_eq!(unreached(&lists, 2, &[0]), [2, 3]);
        assert_eq!(unreached(&lists, 2, &[1, 2, 4]), [3]);
        assert_eq!(unreached(&lists, 2, &[]), [0, 2, 3]);
        assert!(unreached(&[], 2, &[]).is_empty());
    }
}
