//! The k nearest rows by the nearest codes: which queries are answered, and which are asked again.

use super::call::{Call, Done};
use super::compare::listed;
use crate::error::Result;
use crate::exact::Wanted;
use crate::invlists::Probe;
use std::collections::BTreeMap;

/// So many codes are asked for besides a multiple of k, until it is known how many are needed.
const MORE: usize = 22;
/// Of many queries so many go first, to learn how many codes the others need.
const SCOUTS: usize = 128;
const MANY: usize = 8 * SCOUTS;
/// Of the scouts so many hundredths need no more codes than the others ask for.
const ENOUGH: usize = 95;
/// Of queries that are asked again, so many times as many.
const TIMES: usize = 4;
/// Hits of codes that lie on the host at a time.
const HITS: usize = 4 << 20;
/// Rows with much slack that a query looks at: so many, and so many for each code. Of more of them it asks for more codes.
const LOOSE: usize = 1024;
const LOOSE_TIMES: usize = 8;

/// What comes of a query.
enum Outcome {
    /// Its hits, and how many codes would have been enough.
    Answered(Vec<u64>, usize),
    /// Fewer rows than it wants, where more lists may have others.
    Short,
    /// Those that are listed with so much slack may be hits, too.
    Loose(Candidates),
    /// More codes are needed.
    Open,
}

/// The rows of the nearest codes.
#[derive(Default)]
struct Candidates {
    /// The k nearest.
    hits: Vec<u64>,
    /// All of them.
    rows: Vec<u32>,
    /// The slack that another row needs.
    gap: f64,
    /// How many codes would have been enough.
    needed: usize,
}

/// What a pass asks: codes of a query, and lists that it looks at.
#[derive(Clone, Copy)]
struct Pass {
    k: usize,
    codes: usize,
    nprobe: usize,
    /// Rows that there are to be found, at most.
    live: usize,
    fill: bool,
}

/// How many codes are enough for most queries, where some needed so many.
fn enough(mut needed: Vec<usize>) -> usize {
    needed.sort_unstable();
    let most = needed.get(needed.len() * ENOUGH / 100).copied().unwrap_or(0);
    most + most / 8 + 1
}

impl Call {
    /// The hits of each query.
    pub fn nearest(
        &self,
        k: usize,
        (nprobe, fill): (usize, bool),
        done: &mut Done<'_>,
    ) -> Result<Vec<Vec<u64>>> {
        let (rows, queries) = (self.of.rows.len(), self.queries.count);
        let mut hits = vec![Vec::new(); queries];
        let k = k.min(rows);
        if k == 0 || queries == 0 {
            return Ok(hits);
        }
        let live = self.of.lists.live();
        let live = live.map_or(rows, |l| l.iter().map(|word| word.count_ones() as usize).sum());
        let codes = k.saturating_mul(self.of.times).saturating_add(MORE).min(rows);
        let mut pass = Pass { k, codes, nprobe, live, fill };
        let all: Vec<u32> = (0..queries as u32).collect();
        let (scouts, others) = all.split_at(if queries < MANY { 0 } else { SCOUTS });
        if !scouts.is_empty() {
            let needed = self.answer(scouts, pass, &mut hits, done)?;
            pass.codes = enough(needed).clamp(k, rows);
        }
        self.answer(others, pass, &mut hits, done)?;
        Ok(hits)
    }

    /// Asks until the hits of some queries are known, and says how many codes each needed.
    fn answer(
        &self,
        which: &[u32],
        asked: Pass,
        hits: &mut [Vec<u64>],
        done: &mut Done<'_>,
    ) -> Result<Vec<usize>> {
        let (rows, mut needed) = (self.of.rows.len(), Vec::new());
        let mut todo = BTreeMap::from([((asked.nprobe, asked.codes), which.to_vec())]);
        while let Some(((nprobe, codes), mut which)) = todo.pop_first() {
            which.sort_unstable();
            let pass = Pass { codes, nprobe, ..asked };
            for which in which.chunks((HITS / codes).max(1)) {
                let outcomes = self.pass(which, pass, codes > asked.codes, done)?;
                for (&query, outcome) in which.iter().zip(outcomes) {
                    match outcome {
                        Outcome::Answered(found, codes) => {
                            hits[query as usize] = found;
                            needed.push(codes);
                            done.answered += 1;
                        }
                        Outcome::Short => {
                            done.stats.ivf.filled += u64::from(nprobe == asked.nprobe);
                            let more = nprobe.saturating_mul(2).min(self.of.lists.nlist());
                            todo.entry((more, asked.codes)).or_default().push(query);
                        }
                        Outcome::Open | Outcome::Loose(_) => {
                            done.stats.originals.again += 1;
                            let more = codes.saturating_mul(TIMES).min(rows);
                            todo.entry((nprobe, more)).or_default().push(query);
                        }
                    }
                }
            }
        }
        Ok(needed)
    }

    /// Asks for codes of some queries, and compares their rows. Lists count when they are looked at first.
    fn pass(
        &self,
        which: &[u32],
        pass: Pass,
        again: bool,
        done: &mut Done<'_>,
    ) -> Result<Vec<Outcome>> {
        let mut found = self.ask(which, Probe::Nearest(pass.codes), pass.nprobe, done)?;
        if again {
            found.stats.ivf = Default::default();
        }
        done.stats.rows = found.stats.rows;
        done.stats.add_work(&found.stats);
        let rows = |(&query, ends): (&u32, &[usize])| {
            let rows: Vec<u32> = found.ids[ends[0]..ends[1]].iter().map(|&id| id as u32).collect();
            if self.is_short(query, &rows, pass) { None } else { Some(rows) }
        };
        // of queries that look at more lists next nothing is compared
        let rows: Vec<Option<Vec<u32>>> =
            which.iter().zip(found.lims.windows(2)).map(rows).collect();
        let own = listed(rows.iter().map(|rows| rows.as_deref().unwrap_or_default()));
        let hits = self.compared(which, own, Wanted::Nearest(pass.k), done)?;
        let each = which.iter().zip(found.lims.windows(2)).zip(rows.into_iter().zip(hits));
        let outcomes = each.map(|((&query, ends), (rows, hits))| match rows {
            None => Outcome::Short,
            Some(rows) => {
                let keys = bytemuck::cast_slice(&found.distances[ends[0]..ends[1]]);
                self.judged(query, (rows, keys), hits, pass)
            }
        });
        let mut outcomes: Vec<Outcome> = outcomes.collect();
        self.look_at_loose(which, &mut outcomes, pass, done)?;
        Ok(outcomes)
    }

    /// Whether a query that finds these rows goes on to more lists.
    fn is_short(&self, query: u32, rows: &[u32], pass: Pass) -> bool {
        pass.fill
            && pass.nprobe < self.of.lists.nlist()
            && rows.len() < pass.k.min(pass.live)
            && !self.options.row_ids.is_enough(query, rows, pass.k)
    }

    /// What comes of a query whose nearest codes are those of these rows, with these keys, and whose hits among the rows are these.
    fn judged(
        &self,
        query: u32,
        (rows, keys): (Vec<u32>, &[u32]),
        hits: Vec<u64>,
        pass: Pass,
    ) -> Outcome {
        let Some(&last) = hits.get(pass.k - 1).filter(|_| !self.options.fast) else {
            // they are all that there are, or nobody asks for a proof
            return Outcome::Answered(hits, pass.k);
        };
        let (last, norm) = (self.decoder.raw((last >> 32) as u32), self.queries.norm(query));
        let gap = |&key: &u32| self.of.slack.gap(last, self.decoder.raw(key), norm);
        let (loose, found) = (self.loose(), rows.len());
        let needed = 1 + keys.partition_point(|key| gap(key) <= loose.rest());
        let widest = keys.last().map_or(f64::NEG_INFINITY, gap);
        // no other row may be found, or none has so much slack
        if found < pass.codes || pass.codes >= self.of.rows.len() || widest > loose.most() {
            return Outcome::Answered(hits, needed);
        }
        match needed <= found {
            true => Outcome::Loose(Candidates { hits, rows, gap: widest, needed }),
            false => Outcome::Open,
        }
    }

    /// Looks at those rows of the lists of some queries that are listed and may be hits, which answers the queries or leaves them open.
    fn look_at_loose(
        &self,
        which: &[u32],
        outcomes: &mut [Outcome],
        pass: Pass,
        done: &mut Done<'_>,
    ) -> Result<()> {
        let mut all = Vec::new();
        for (outcome, &query) in outcomes.iter_mut().zip(which) {
            if let Outcome::Loose(candidates) = outcome {
                all.push((query, std::mem::take(candidates), outcome));
            }
        }
        if all.is_empty() {
            return Ok(());
        }
        let queries: Vec<u32> = all.iter().map(|of| of.0).collect();
        let probes = self.probes(&queries, pass.nprobe)?;
        let every: Vec<usize> = (0..self.of.lists.nlist()).collect();
        let items = all.iter().enumerate().collect();
        let rows = self.in_pieces(items, pass.codes, |(number, (query, candidates, _))| {
            let lists = probes.as_ref().map_or(&every, |probes| &probes[number]);
            Ok(self.loose_rows(*query, candidates, lists, pass))
        })?;
        let own = listed(rows.iter().map(|rows| rows.as_deref().unwrap_or_default()));
        let others = self.compared(&queries, own, Wanted::Nearest(pass.k), done)?;
        for (((query, candidates, outcome), rows), others) in all.into_iter().zip(rows).zip(others)
        {
            *outcome = match rows {
                None => Outcome::Open,
                Some(_) => self.looked_at(query, candidates, others),
            };
        }
        Ok(())
    }

    /// The rows of these lists that are listed and may be hits; `None` of too many.
    fn loose_rows(
        &self,
        query: u32,
        candidates: &Candidates,
        lists: &[usize],
        pass: Pass,
    ) -> Option<Vec<u32>> {
        let most = LOOSE + LOOSE_TIMES * pass.codes;
        let listed = lists.iter().flat_map(|&list| self.loose().of(list, candidates.gap));
        let mut rows: Vec<u32> = listed.take(most + 1).collect();
        if rows.len() > most {
            return None;
        }
        let mut known = candidates.rows.clone();
        known.sort_unstable();
        rows.retain(|row| known.binary_search(row).is_err());
        rows.retain(|&row| self.passes.of(query, row) != Some(false));
        Some(rows)
    }

    /// What comes of a query whose nearest rows among those that are listed are these, too.
    fn looked_at(&self, query: u32, candidates: Candidates, others: Vec<u64>) -> Outcome {
        let Candidates { mut hits, needed, .. } = candidates;
        let k = hits.len();
        let last = hits.last().copied().unwrap_or(u64::MAX);
        let nearer = others.into_iter().take_while(|&other| other <= last);
        for other in nearer {
            if self.passes.of(query, other as u32).is_none() {
                // among more codes it is found, if the device lets it pass
                return Outcome::Open;
            }
            hits.push(other);
        }
        hits.sort_unstable();
        hits.truncate(k);
        Outcome::Answered(hits, needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_the_scouts_need_no_more() {
        assert_eq!(enough((0..100).collect()), 95 + 11 + 1);
        assert_eq!((enough(vec![8]), enough(vec![])), (10, 1));
    }
}
