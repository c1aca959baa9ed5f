//! The graph of rows that changed, made of the one that was: rows that were lost are healed over, new ones are searched for along its edges.

use super::edges::{Edges, Shape, lifted_of};
use super::kernels::renewed::{self as kernels, Blend, Carry, Differ, Heal, KeepMet, Meet, Rejoin};
use super::kernels::{ROOM, most_ef};
use super::lifted;
use super::links::{self, Fresh, pruned, relinked};
use super::neighbors::{self, Neighbors, rows_of_part};
use super::search::{STARTS, Walk, Walking};
use super::starts::{Starts, has, sample, sample_size};
use crate::buffer::Buffer;
use crate::call::{CancelToken, Made};
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::exact::{Between as _, Chosen, Dataset, Instead, NO_ROW, Queries};
use crate::kernel::{Encoder, fold, words};

/// Rows that a submission searches for.
const BLOCK: u32 = 4096;
/// The least number of rows that the search for the neighbours of a new row keeps: of few edges a list of twice as many finds fewer of them.
const LEAST_EF: u32 = 128;

/// Encodes from where some of the rows that are searched for set out, into a buffer.
type Meeting<'a> = &'a mut dyn FnMut(&mut Encoder, &Block, &Buffer) -> Result<()>;

/// Some of the rows that are searched for.
struct Block {
    /// The first, which has that number among them, and how many they are.
    first: u32,
    count: u32,
    /// The buffer of neighbours that theirs come to lie in, and the first of the rows of that.
    part: usize,
    first_of_part: u32,
}

/// What became of the rows of a graph.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Rows of the graph.
    pub rows: u32,
    /// For each row that there is now the one of the graph that it is, or [`NO_ROW`]; `None` where the first are the graph's, in their order.
    pub of: Option<&'a [u32]>,
}

impl Origin<'_> {
    /// The row of the graph that a row is.
    fn old(&self, row: u32) -> Option<u32> {
        match self.of {
            Some(of) => of.get(row as usize).copied().filter(|&old| old < self.rows),
            None => Some(row).filter(|&row| row < self.rows),
        }
    }

    /// For each row of the graph the one that it is now, or [`NO_ROW`].
    fn image(&self) -> Option<Vec<u32>> {
        let mut image = vec![NO_ROW; self.rows as usize];
        for (row, &old) in (0..).zip(self.of?) {
            if let Some(image) = image.get_mut(old as usize) {
                *image = row;
            }
        }
        Some(image)
    }
}

/// What the parts of the work have in common.
struct Renewal<'a> {
    gpu: &'a Gpu,
    graph: &'a Edges,
    /// The rows, as they are compared.
    dataset: &'a Dataset,
    lifted: bool,
    n: u32,
    shape: Shape,
    gone: Buffer,
    /// The most bytes of a buffer of neighbours.
    largest_part: u64,
    cancel: Option<&'a CancelToken>,
}

impl Edges {
    /// The graph of the rows of a dataset that [`refused`](Self::refused) has nothing against, of this one of what they were; those in `gone`, a bit each,
    /// are nobody's hits.
    pub fn renewed(
        &self,
        dataset: &Dataset,
        origin: Origin<'_>,
        gone: Option<&[u32]>,
        cancel: Option<&CancelToken>,
    ) -> Result<Edges> {
        let room = (neighbors::largest_part(dataset.gpu()), cancel);
        match self.renewed_in_parts(dataset, origin, gone, room) {
            Err(Error::LimitExceeded { what, .. }) => {
                log::debug!("a graph is made anew, since one binding does not hold {what}");
                Edges::build(dataset, self.shape(), None, gone, cancel)
            }
            other => other,
        }
    }

    /// The same with neighbours in buffers of so many bytes at most.
    fn renewed_in_parts(
        &self,
        dataset: &Dataset,
        origin: Origin<'_>,
        gone: Option<&[u32]>,
        (largest_part, cancel): (u64, Option<&CancelToken>),
    ) -> Result<Edges> {
        let (gpu, n, begin) = (dataset.gpu(), dataset.len() as u32, std::time::Instant::now());
        let (lifted, squares) = lifted_of(dataset)?.unzip();
        if lifted.as_ref().is_some_and(|rows| Edges::refused(rows, self.shape()).is_some()) {
            // they are wider than what they are made of, and no walk goes along them
            return Edges::build(dataset, self.shape(), None, gone, cancel);
        }
        let mut none = gone.map_or_else(Vec::new, <[u32]>::to_vec);
        none.resize(n.div_ceil(32) as usize, 0);
        let table = gpu.alloc("rows that are gone", none.len() as u64 * 4)?;
        let mut encoder = Encoder::new(gpu, "rows that are gone", false)?;
        encoder.write(&table, 0, bytemuck::cast_slice(&none))?;
        encoder.submit(&[])?;
        let renewal = Renewal {
            gpu,
            graph: self,
            dataset: lifted.as_ref().unwrap_or(dataset),
            lifted: lifted.is_some(),
            n,
            shape: self.shape(),
            gone: table,
            largest_part,
            cancel,
        };
        let (mut links, hurt) = renewal.carried(origin)?;
        let carried = begin.elapsed();
        let healed = hurt.len();
        if let Some(of) = origin.of.filter(|_| !hurt.is_empty()) {
            links = renewal.healed(&links, (of, origin.image().unwrap_or_default()), &hurt)?;
        }
        let mended = begin.elapsed();
        let new: Vec<u32> =
            (0..n).filter(|&row| origin.old(row).is_none() && !has(gone, row)).collect();
        if !new.is_empty() {
            // the longest look for neighbours among them, too: they are far from all, so that few of the new ones look for them, and most products lead to them
            let mut searched = squares.map_or_else(Vec::new, |squares| lifted::longest(&squares));
            searched.retain(|&row| !has(gone, row));
            searched.extend(&new);
            searched.sort_unstable();
            searched.dedup();
            links = renewal.extended(links, origin, &searched)?;
        }
        let linked = begin.elapsed();
        let starts = Starts::new(dataset, (&links, self.degree), gone, None)?;
        log::debug!(
            "a graph of {n} rows of one of {}: carried over {carried:?}, {healed} healed {:?}, {} added {:?}, starts {:?}",
            origin.rows,
            mended - carried,
            new.len(),
            linked - mended,
            begin.elapsed() - linked
        );
        Ok(Edges { links, degree: self.degree, starts, upper: None, blurred: Made::default() })
    }
}

/// The rows whose word is not 0, once the encoder has run.
fn marked(encoder: Encoder, marks: &Buffer, n: u32) -> Result<Vec<u32>> {
    let landed = encoder.submit(&[(marks, 0, u64::from(n) * 4)])?.wait()?;
    let Some(part) = landed.parts.first() else { return Ok(Vec::new()) };
    Ok((0..n).zip(words(part).iter()).filter(|(_, mark)| **mark != 0).map(|(row, _)| row).collect())
}

impl Edges {
    fn shape(&self) -> Shape {
        Shape { degree: self.degree }
    }
}

impl Renewal<'_> {
    /// Some rows, for kernels; they ascend.
    fn table(&self, rows: &[u32]) -> Result<Buffer> {
        let table = self.gpu.alloc("rows of a graph", (rows.len() as u64 * 4).max(4))?;
        let mut encoder = Encoder::new(self.gpu, "rows of a graph", false)?;
        encoder.write(&table, 0, bytemuck::cast_slice(rows))?;
        encoder.submit(&[])?;
        Ok(table)
    }

    /// The edges that are left, and the rows that lost some.
    fn carried(&self, origin: Origin<'_>) -> Result<(Buffer, Vec<u32>)> {
        let (gpu, n, degree) = (self.gpu, self.n, self.shape.degree);
        let links = gpu.alloc("edges", u64::from(n) * u64::from(degree) * 4)?;
        let touched = gpu.scratch("rows that lost edges", u64::from(n) * 4)?;
        let mut encoder = Encoder::new(gpu, "edges", false)?;
        encoder.clear(&touched);
        let maps = match (origin.of, origin.image()) {
            (Some(of), Some(image)) => Some((
                encoder.upload("rows of the graph", bytemuck::cast_slice(of))?,
                encoder.upload("rows after it", bytemuck::cast_slice(&image))?,
            )),
            _ => None,
        };
        let [x, y] = fold(gpu, (u64::from(n) * u64::from(degree)).div_ceil(256))?;
        let params = Carry { old_n: origin.rows, n, degree, groups_x: x };
        let mut buffers =
            vec![("old_links", &self.graph.links), ("links", &links), ("touched", &touched)];
        buffers
            .extend(maps.iter().flat_map(|(origin, image)| [("origin", origin), ("image", image)]));
        encoder.dispatch(&kernels::carry(maps.is_some()), &buffers, &params, [x, y, 1])?;
        if maps.is_none() {
            encoder.submit(&[])?.wait()?;
            return Ok((links, Vec::new()));
        }
        Ok((links, marked(encoder, &touched, n)?))
    }

    /// With other edges for rows that lost some: to what is left of their neighbours and of those of the lost ones.
    fn healed(
        &self,
        links: &Buffer,
        (of, image): (&[u32], Vec<u32>),
        hurt: &[u32],
    ) -> Result<Buffer> {
        let (origin, image) = (self.table(of)?, self.table(&image)?);
        let items = self.table(hurt)?;
        // the rows that are met are put in order, and no edge is followed
        let walk = Walk { ef: self.shape.width(), most_steps: Some(0), bytes: false };
        let near = self.near(links, (hurt, &items), (ROOM, walk), &mut |encoder, block, met| {
            let &Block { first, count, .. } = block;
            let [x, y] = fold(self.gpu, count.into())?;
            let buffers = [
                ("old_links", &self.graph.links),
                ("origin", &origin),
                ("image", &image),
                ("items", &items),
                ("met", met),
            ];
            let params = Heal { first, count, degree: self.shape.degree, groups_x: x };
            encoder.dispatch(&kernels::heal(), &buffers, &params, [x, y, 1])
        })?;
        self.relinked(links, (&items, hurt.len()), &near)
    }

    /// With edges from new rows and to them.
    fn extended(&self, links: Buffer, origin: Origin<'_>, new: &[u32]) -> Result<Buffer> {
        let (gpu, width) = (self.gpu, self.shape.width());
        let starts = self.starts(origin)?;
        let ef = LEAST_EF.max(2 * self.shape.degree).min(most_ef(gpu));
        let walk = Walk { ef, most_steps: None, bytes: false };
        let batch = self.dataset.gather(new)?;
        let items = self.table(new)?;
        let near_items = neighbors::neighbors(&batch, (width, self.largest_part), self.cancel)?;
        // in as many parts, of fewer places each
        let of_starts = (STARTS as u32, near_items.rows);
        let near_starts = neighbors::nearest(&starts.dataset, &batch, of_starts, self.cancel)?;
        drop(batch);
        let of = (of_starts.0 + width, walk);
        let near = self.near(&links, (new, &items), of, &mut |encoder, block, met| {
            let &Block { count, part, .. } = block;
            let [x, y] = fold(gpu, u64::from(count * of.0).div_ceil(256))?;
            let buffers = [
                ("near_starts", &near_starts.parts[part]),
                ("start_rows", &starts.rows),
                ("near_items", &near_items.parts[part]),
                ("items", &items),
                ("met", met),
            ];
            let (first, starts) = (block.first - block.first_of_part, of_starts.0);
            let params = Meet { first, count, starts, width, groups_x: x };
            encoder.dispatch(&kernels::meet(), &buffers, &params, [x, y, 1])
        })?;
        let joined = self.relinked(&links, (&items, new.len()), &near)?;
        self.rejoined((&links, joined), new)
    }

    /// With other edges for the rows to which new ones lead: of those that they had and those that they got the ones that no short detour reaches. Without
    /// that the nearer half of their edges would stay what it was when they came, which of rows that come in ten batches costs two points of recall. Of
    /// lifted rows the ways back are found anew, the first edges of each first, as of a new graph: the longest rows are far from all, and all products need the
    /// ways to them, which those of the last batch would displace.
    fn rejoined(&self, (before, after): (&Buffer, Buffer), new: &[u32]) -> Result<Buffer> {
        let (gpu, n, degree) = (self.gpu, self.n, self.shape.degree);
        let touched = gpu.scratch("rows that got edges", u64::from(n) * 4)?;
        let mut encoder = Encoder::new(gpu, "edges", false)?;
        encoder.clear(&touched);
        let [x, y] = fold(gpu, (u64::from(n) * u64::from(degree)).div_ceil(256))?;
        let buffers = [("before", before), ("after", &after), ("touched", &touched)];
        let params = Differ { n, degree, groups_x: x };
        encoder.dispatch(&kernels::differ(), &buffers, &params, [x, y, 1])?;
        let mut rows = marked(encoder, &touched, n)?;
        rows.retain(|row| new.binary_search(row).is_err());
        if rows.is_empty() {
            return Ok(after);
        }
        let items = self.table(&rows)?;
        let walk = Walk { ef: self.shape.width(), most_steps: Some(0), bytes: false };
        let of = (2 * degree, walk);
        let near = self.near(&after, (&rows, &items), of, &mut |encoder, block, met| {
            let &Block { first, count, .. } = block;
            let [x, y] = fold(gpu, u64::from(count * 2 * degree).div_ceil(256))?;
            let buffers = [("before", before), ("after", &after), ("items", &items), ("met", met)];
            let params = Rejoin { first, count, degree, groups_x: x };
            encoder.dispatch(&kernels::rejoin(), &buffers, &params, [x, y, 1])
        })?;
        let count = rows.len() as u32;
        let fresh = Fresh { items: &items, count, there: &after };
        let own = pruned(gpu, (count, degree), &near, Some(&fresh), self.cancel)?;
        let merged = gpu.alloc("edges", u64::from(n) * u64::from(degree) * 4)?;
        let mut encoder = Encoder::new(gpu, "edges", false)?;
        let [x, y] = fold(gpu, n.into())?;
        let buffers = [("links", &own), ("items", &items), ("there", &after), ("merged", &merged)];
        let params = Blend { n, items: count, groups_x: x };
        encoder.dispatch(&kernels::blend(degree), &buffers, &params, [x, y, 1])?;
        encoder.submit(&[])?.wait()?;
        if self.lifted { links::merged(gpu, (n, degree), &merged, None) } else { Ok(merged) }
    }

    /// From where new rows are searched for: the starts of the graph that are left, or where none is a sample of its rows.
    fn starts(&self, origin: Origin<'_>) -> Result<Starts> {
        let mut rows = self.graph.start_rows(self.gpu)?;
        if let Some(image) = origin.image() {
            rows =
                rows.iter().map(|&row| image[row as usize]).filter(|&row| row != NO_ROW).collect();
            rows.sort_unstable();
        }
        if rows.is_empty() {
            let old: Vec<u32> = (0..self.n).filter(|&row| origin.old(row).is_some()).collect();
            let of = |at: u32| old[at as usize];
            let n = old.len() as u64;
            rows = sample(n, sample_size(n)).into_iter().map(of).collect();
        }
        Starts::of(self.dataset, &rows)
    }

    /// The neighbours of some rows: the best that a walk finds from those that `meet` writes, `room` of each row.
    fn near(
        &self,
        links: &Buffer,
        (rows, items): (&[u32], &Buffer),
        (room, walk): (u32, Walk),
        meet: Meeting<'_>,
    ) -> Result<Neighbors> {
        let (gpu, degree, width) = (self.gpu, self.shape.degree, self.shape.width());
        let n = rows.len() as u32;
        let near = Neighbors::room(gpu, n, width, rows_of_part(width, self.largest_part))?;
        let queries = Queries::resident(self.dataset, self.dataset, 0..u64::from(self.n))?;
        // of these rows, with these edges: what is known of the old graph is of other rows
        let (starts, blurred) = (self.graph.starts.clone(), Made::default());
        let graph = Edges { links: links.clone(), degree, starts, upper: None, blurred };
        let form = graph.form(self.dataset, false)?;
        let walking = Walking { graph, walk, form, whole: false, passing: None };
        let most = BLOCK.min(gpu.caps().max_dispatch);
        for (part, (neighbors, span)) in near.spans(n).enumerate() {
            for first in span.clone().step_by(most as usize) {
                self.cancel.map_or(Ok(()), CancelToken::check)?;
                let count = most.min(span.end - first);
                let block = Block { first, count, part, first_of_part: span.start };
                let mut encoder = Encoder::new(gpu, "neighbors", false)?;
                let some = &rows[first as usize..][..count as usize];
                let upload = queries.upload(self.dataset, some, false, &mut encoder)?;
                let met = gpu.scratch("rows to set out from", u64::from(count * room) * 4)?;
                meet(&mut encoder, &block, &met)?;
                // how many there are stands nowhere, places are empty behind the last
                let found = (Chosen { bins: met.clone(), counts: met }, room);
                let Instead { chosen, room: ef, .. } =
                    walking.encode(&mut encoder, self.dataset, &upload, found)?;
                let [x, y] = fold(gpu, count.into())?;
                let buffers = [
                    ("chosen", &chosen.bins),
                    ("items", items),
                    ("gone", &self.gone),
                    ("neighbors", neighbors),
                ];
                let params = KeepMet { first, count, part: span.start, ef, width, groups_x: x };
                encoder.dispatch(&kernels::keep_met(), &buffers, &params, [x, y, 1])?;
                encoder.submit(&[])?.wait()?;
            }
        }
        Ok(near)
    }

    /// The edges of all rows, of which some have other neighbours.
    fn relinked(
        &self,
        there: &Buffer,
        (items, count): (&Buffer, usize),
        near: &Neighbors,
    ) -> Result<Buffer> {
        let fresh = Fresh { items, count: count as u32, there };
        relinked(self.gpu, (self.n, self.shape.degree), near, Some(fresh), self.cancel)
    }
}

#[cfg(test)]
#[path = "renewed_tests.rs"]
mod tests;
