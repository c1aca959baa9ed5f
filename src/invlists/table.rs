//! The lists as a scan goes through them: the rows of each in pages of 64 positions.
//!
//! The rows themselves stay where they were added. A position names its row, so a page of a list may have rows from anywhere in a segment,
//! and a change of the index moves no row: what changes is this table, 8 bytes a row, which the device makes anew of the labels when the
//! next search asks for it. Rows of 128 bytes and more cost what their bytes cost, wherever they lie.

use super::kernels;
use super::labels::Labels;
use super::params::{ListRows, PageSlack};
use crate::buffer::{BIN, Buffer};
use crate::error::{Error, Result};
use crate::exact::{Dataset, Positions, ScanRows, write_biases};
use crate::kernel::{Encoder, fold};
use crate::ops::sort;

/// Bits of slack that rows of a list are ordered by.
const SLACK_BITS: u32 = 10;

/// The pages of all lists of one snapshot.
pub(crate) struct Table {
    pub positions: Positions,
    /// The biases of the positions of each segment.
    pub biases: Vec<Buffer>,
    /// Of each segment and list, one segment after the other: the first page among all, pages, pages in earlier segments, pages in all.
    pub lists: Buffer,
    /// Rows of each list that a search can find, here and on the host.
    pub sizes: Buffer,
    /// The largest slack of each page, where rows have some.
    pub page_slack: Option<Buffer>,
    rows: Vec<u32>,
    /// Pages of the lists that have most, added up: of none, of one, of two...
    most: Vec<u64>,
    /// Rows of the lists that have most, added up likewise.
    most_rows: Vec<u64>,
}

/// The lists of one segment, as the host counts them.
struct Counted {
    /// The list of each row; one past the last where the row is left out. Where rows have slack, so many bits of it below.
    labels: Vec<u32>,
    /// Rows of each list.
    rows: Vec<u32>,
}

/// What the lists are made of.
pub(super) struct Source<'a> {
    pub dataset: &'a Dataset,
    pub nlist: usize,
    pub labels: &'a Labels,
    /// The rows that were not removed, a bit each; `None` where none was.
    pub live: Option<&'a [u32]>,
    /// How far each row may be from what its code stands for, where pages are to have rows of about the same.
    pub slack: Option<&'a [f32]>,
}

/// A number of [`SLACK_BITS`] bits that grows with a slack, of which the largest has the bits `most`: within 2^7 of that in steps of less than
/// a hundredth.
fn slack_rank(slack: f32, most: u32) -> u32 {
    slack.max(0.0).to_bits().saturating_sub(most.saturating_sub(7 << 23)) >> 16
}

impl Source<'_> {
    /// Bits of slack below the label that rows are sorted by: none where labels leave no room.
    fn slack_bits(&self) -> u32 {
        let fits = self.label_bits() + SLACK_BITS <= 32;
        if self.slack.is_some() && fits { SLACK_BITS } else { 0 }
    }

    fn label_bits(&self) -> u32 {
        (self.nlist as u64 + 1).next_power_of_two().ilog2()
    }
}

impl Counted {
    fn new(source: &Source<'_>, first: u64, count: u32) -> Counted {
        let nlist = source.nlist;
        let mut labels = source.labels.read(first as usize..first as usize + count as usize);
        let mut rows = vec![0; nlist];
        let removed = |row: usize| {
            source
                .live
                .is_some_and(|live| live.get(row / 32).is_some_and(|w| w >> (row % 32) & 1 == 0))
        };
        for (row, label) in (first as usize..).zip(&mut labels) {
            if !removed(row) {
                rows[*label as usize] += 1;
            } else {
                *label = nlist as u32;
            }
        }
        if let Some(slack) = source.slack.filter(|_| source.slack_bits() > 0) {
            let most = slack.iter().fold(0f32, |most, &slack| most.max(slack)).to_bits();
            let own = slack.get(first as usize..).unwrap_or_default();
            for (label, &slack) in labels.iter_mut().zip(own) {
                *label = *label << source.slack_bits() | slack_rank(slack, most);
            }
        }
        Counted { labels, rows }
    }

    fn pages(&self, list: usize) -> u32 {
        self.rows[list].div_ceil(BIN as u32)
    }
}

/// The largest of some numbers added up: of none, of one, of two...
fn largest_first(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    let mut sum = 0;
    let sums = numbers.into_iter().map(|number| {
        sum += number;
        sum
    });
    std::iter::once(0).chain(sums).collect()
}

impl Table {
    /// Sorts the rows by their lists.
    pub fn new(source: &Source<'_>) -> Result<Table> {
        let Source { dataset, nlist, .. } = *source;
        let gpu = dataset.gpu();
        let mut encoder = Encoder::new(gpu, "lists", false)?;
        let segments: Vec<_> = dataset.compared().matrix().segments().iter().collect();
        let counted: Vec<Counted> =
            segments.iter().map(|s| Counted::new(source, s.first_row(), s.rows())).collect();
        let pages = |list: usize| counted.iter().map(move |c| u64::from(c.pages(list)));
        let all: Vec<u64> = (0..nlist).map(|list| pages(list).sum()).collect();
        let total: u64 = all.iter().sum();
        if total * BIN > u64::from(u32::MAX >> 1) {
            let what = "positions of inverted lists".to_owned();
            let (needed, limit) = (total * BIN, u64::from(u32::MAX >> 1));
            return Err(Error::LimitExceeded { what, needed, limit });
        }
        // uploads before the dispatches
        let (mut of_lists, mut starts, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let (mut page, mut earlier) = (0u32, vec![0u32; nlist]);
        for own in &counted {
            let (first, mut row, mut start) = (page, 0, Vec::with_capacity(nlist + 1));
            for list in 0..nlist {
                let pages = own.pages(list);
                start.push([page - first, row]);
                of_lists.push([page, pages, earlier[list], all[list] as u32]);
                earlier[list] += pages;
                (page, row) = (page + pages, row + own.rows[list]);
            }
            start.push([page - first, row]);
            starts.push((encoder.upload("lists", bytemuck::cast_slice(&start))?, first, page));
            labels.push(encoder.upload("labels", bytemuck::cast_slice(&own.labels))?);
        }
        of_lists.resize(of_lists.len().max(1), [0; 4]);
        let table_of = encoder.upload("lists", bytemuck::cast_slice(&of_lists))?;
        let of_list = |list: usize| counted.iter().map(move |c| c.rows[list]).sum();
        let sizes: Vec<u32> = (0..nlist).map(of_list).collect();
        let most_rows = largest_first(sizes.iter().map(|&rows| rows.into()).collect());
        let rows = sizes;
        let sizes = encoder.upload("list sizes", bytemuck::cast_slice(&rows))?;
        let order = gpu.scratch("row order", (total * BIN * 4).max(4))?;
        let bits = source.label_bits() + source.slack_bits();
        let page_slack = match source.slack {
            Some(_) => Some(gpu.scratch("slack of pages", (total * 4).max(4))?),
            None => None,
        };
        let mut slacks = Vec::new();
        for segment in segments.iter().filter(|_| source.slack.is_some()) {
            let own = segment.first_row() as usize
                ..(segment.first_row() as usize + segment.rows() as usize);
            let own = source.slack.and_then(|slack| slack.get(own));
            let own = own.ok_or_else(|| Error::internal("rows without slack"))?;
            slacks.push(encoder.upload("slack", bytemuck::cast_slice(own))?);
        }
        let mut tables = Vec::with_capacity(segments.len());
        let of_segments = segments.iter().zip(&labels).zip(&starts).enumerate();
        for (at, ((segment, labels), (starts, first, end))) in of_segments {
            let pages = end - first;
            let table = gpu.scratch("list rows", (u64::from(pages) * BIN * 4).max(4))?;
            if pages > 0 {
                let sorted = sort::stable(&mut encoder, labels, segment.rows(), bits)?.order;
                let groups = fold(gpu, u64::from(pages).div_ceil(4))?;
                let params = ListRows {
                    nlist: nlist as u32,
                    pages,
                    first_page: *first,
                    first_row: segment.first_row() as u32,
                    groups_x: groups[0],
                };
                let buffers = [
                    ("sorted", &sorted),
                    ("starts", starts),
                    ("row_table", &table),
                    ("order_table", &order),
                ];
                let groups = [groups[0], groups[1], 1];
                encoder.dispatch(&kernels::list_rows(), &buffers, &params, groups)?;
                if let (Some(slack), Some(out)) = (slacks.get(at), &page_slack) {
                    let groups = fold(gpu, u64::from(pages).div_ceil(256))?;
                    let params = PageSlack { pages, first_page: *first, groups_x: groups[0] };
                    let buffers = [("slack", slack), ("page_slack", out), ("row_table", &table)];
                    let groups = [groups[0], groups[1], 1];
                    encoder.dispatch(&kernels::page_slack(), &buffers, &params, groups)?;
                }
            }
            tables.push((table, pages * BIN as u32));
        }
        let positions =
            Positions::new(&mut encoder, dataset.compared(), [dataset.f16(), None], tables, order)?;
        let own: Vec<_> = dataset.compared().segments().map(|(_, part)| &part.bias).collect();
        let biases = biases(&mut encoder, &positions, own.into_iter())?;
        encoder.submit(&[])?;
        let most = largest_first(all);
        Ok(Table { positions, biases, lists: table_of, sizes, page_slack, rows, most, most_rows })
    }

    /// Pages of the `nprobe` lists that have most.
    pub fn most_pages(&self, nprobe: usize) -> u64 {
        self.most[nprobe.min(self.most.len() - 1)]
    }

    /// Rows of one list.
    pub fn list_rows(&self, list: usize) -> u32 {
        self.rows.get(list).copied().unwrap_or(0)
    }

    /// Rows of all lists.
    pub fn rows(&self) -> u64 {
        self.most_rows[self.most_rows.len() - 1]
    }

    /// Rows of the `nprobe` lists that have most.
    pub fn most_rows(&self, nprobe: usize) -> u64 {
        self.most_rows[nprobe.min(self.most_rows.len() - 1)]
    }

    /// The rows of the lists for a scan.
    pub fn scan_rows<'a>(&'a self, dataset: &'a Dataset) -> ScanRows<'a> {
        ScanRows { positions: Some(&self.positions), ..dataset.scan_rows() }
    }

    /// Device memory.
    pub fn bytes(&self) -> u64 {
        let biases: u64 = self.biases.iter().map(Buffer::size).sum();
        let slack = self.page_slack.as_ref().map_or(0, Buffer::size);
        self.lists.size() + self.positions.bytes() + biases + slack
    }
}

/// Encodes the biases of the positions of each segment, from those of its rows.
pub(super) fn biases<'a>(
    encoder: &mut Encoder,
    positions: &Positions,
    own: impl Iterator<Item = &'a Buffer>,
) -> Result<Vec<Buffer>> {
    let mut all = Vec::new();
    for (at, own) in own.enumerate() {
        let listed = positions.segment(at).ok_or_else(|| Error::internal("no positions"))?;
        let count = listed.count;
        let out = encoder.gpu().scratch("list biases", u64::from(count.max(1)) * 4)?;
        if count > 0 {
            write_biases(encoder, own, None, &out, (count, 0), Some(&listed.table), 1.0)?;
        }
        all.push(out);
    }
    Ok(all)
}
