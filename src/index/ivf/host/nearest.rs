//! The k nearest rows by the nearest codes: which queries are answered, and which are asked again.

use super::call::{Call, Done, hit};
use crate::error::Result;
use crate::invlists::Probe;
use std::collections::BTreeMap;

/// So many codes are asked for besides twice k, until it is known how many are needed.
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
struct Candidates {
    /// In the order of hits.
    hits: Vec<u64>,
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
        let codes = k.saturating_mul(2).saturating_add(MORE).min(rows);
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
        done.stats.originals.compared += found.ids.len() as u64;
        done.stats.add_work(&found.stats);
        let items = which.iter().zip(found.lims.windows(2)).collect();
        let mut outcomes = self.in_pieces(items, pass.codes, |(&query, ends)| {
            let (ids, keys) = (&found.ids[ends[0]..ends[1]], &found.distances[ends[0]..ends[1]]);
            let rows: Vec<u32> = ids.iter().map(|&id| id as u32).collect();
            Ok(self.judged(query, &rows, bytemuck::cast_slice(keys), pass))
        })?;
        let loose = |(at, outcome): (usize, &Outcome)| match outcome {
            Outcome::Loose(_) => Some((at, which[at])),
            _ => None,
        };
        let (places, own): (Vec<usize>, Vec<u32>) =
            outcomes.iter().enumerate().filter_map(loose).unzip();
        if own.is_empty() {
            return Ok(outcomes);
        }
        let probes = self.probes(&own, pass.nprobe)?;
        let every: Vec<usize> = (0..self.of.lists.nlist()).collect();
        let items = places.iter().zip(&own).enumerate().collect();
        let looked = self.in_pieces(items, pass.codes, |(number, (&at, &query))| {
            let lists = probes.as_ref().map_or(&every, |probes| &probes[number]);
            match &outcomes[at] {
                Outcome::Loose(candidates) => self.looked_at(query, candidates, lists, pass),
                _ => Ok((Outcome::Open, 0)),
            }
        })?;
        for (at, (outcome, compared)) in places.into_iter().zip(looked) {
            outcomes[at] = outcome;
            done.stats.originals.compared += compared;
        }
        Ok(outcomes)
    }

    /// What comes of a query whose nearest codes are those of these rows, with these keys.
    fn judged(&self, query: u32, rows: &[u32], keys: &[u32], pass: Pass) -> Outcome {
        let Pass { k, codes, nprobe, live, fill } = pass;
        let found = rows.len();
        if fill
            && nprobe < self.of.lists.nlist()
            && found < k.min(live)
            && !self.options.row_ids.is_enough(query, rows, k)
        {
            return Outcome::Short;
        }
        let mut hits: Vec<u64> = rows.iter().map(|&row| hit(self.key(query, row), row)).collect();
        hits.sort_unstable();
        let Some(&last) = hits.get(k - 1).filter(|_| !self.options.fast) else {
            // they are all that there are, or nobody asks for a proof
            hits.truncate(k);
            return Outcome::Answered(hits, k);
        };
        let (last, norm) = (self.decoder.raw((last >> 32) as u32), self.queries.norm(query));
        let gap = |&key: &u32| self.of.slack.gap(last, self.decoder.raw(key), norm);
        let loose = self.loose();
        let needed = 1 + keys.partition_point(|key| gap(key) <= loose.rest());
        let widest = keys.last().map_or(f64::NEG_INFINITY, gap);
        // no other row may be found, or none has so much slack
        if found < codes || codes >= self.of.rows.len() || widest > loose.most() {
            hits.truncate(k);
            return Outcome::Answered(hits, needed);
        }
        match needed <= found {
            true => Outcome::Loose(Candidates { hits, gap: widest, needed }),
            false => Outcome::Open,
        }
    }

    /// What comes of a query after a look at those rows of its lists that are listed, and how many were compared.
    fn looked_at(
        &self,
        query: u32,
        candidates: &Candidates,
        lists: &[usize],
        pass: Pass,
    ) -> Result<(Outcome, u64)> {
        let Candidates { hits, gap, needed } = candidates;
        let most = LOOSE + LOOSE_TIMES * pass.codes;
        let listed = lists.iter().flat_map(|&list| self.loose().of(list, *gap));
        let listed: Vec<u32> = listed.take(most + 1).collect();
        if listed.len() > most {
            return Ok((Outcome::Open, 0));
        }
        let mut known: Vec<u32> = hits.iter().map(|&hit| hit as u32).collect();
        known.sort_unstable();
        let mut hits = hits[..pass.k].to_vec();
        let last = hits[pass.k - 1];
        let mut compared = 0;
        for row in listed {
            if known.binary_search(&row).is_ok() {
                continue;
            }
            compared += 1;
            let other = hit(self.key(query, row), row);
            if other > last {
                continue;
            }
            match self.passes.of(query, row) {
                Some(true) => hits.push(other),
                Some(false) => {}
                // among more codes it is found, if the device lets it pass
                None => return Ok((Outcome::Open, compared)),
            }
        }
        hits.sort_unstable();
        hits.truncate(pass.k);
        Ok((Outcome::Answered(hits, *needed), compared))
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
