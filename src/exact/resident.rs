//! Queries that are on the device already: rows of another dataset.

use super::dataset::Dataset;
use super::rows::measured::Measured;
use super::upload::Upload;
use super::{kernels, params};
use crate::buffer::{Buffer, PART_ALIGN, Segment};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, RowMap, fold};
use crate::space::check::RowFacts;
use std::ops::Range;

/// Rows that a workgroup takes.
const GROUP_ROWS: u64 = 32;

/// Some rows of a dataset as queries of another of the same metric.
#[derive(Clone)]
pub(crate) struct Resident {
    rows: Measured,
    first: u64,
    /// Whether they are divided by their norm.
    scaled: bool,
}

impl Resident {
    pub fn new(of: &Dataset, rows: Range<u64>) -> Result<Resident> {
        if rows.start > rows.end || rows.end > of.len() {
            return Err(Error::internal(format!("rows {rows:?} of {}", of.len())));
        }
        let scaled = matches!(of.compared().scan(), Some((_, true)));
        Ok(Resident { rows: of.compared().clone(), first: rows.start, scaled })
    }

    /// What is known of them: at least as much holds as of all rows.
    pub fn facts(&self) -> RowFacts {
        match self.scaled {
            true => RowFacts { whole: false, norm: 1.001, largest: 1.001, ..self.rows.facts() },
            false => self.rows.facts(),
        }
    }

    /// Encodes the numbered ones, which ascend, as the kernels of a search read queries.
    pub fn upload(&self, which: &[u32], encoder: &mut Encoder) -> Result<Upload> {
        let count = which.len() as u64;
        let k4 = self.rows.dim().div_ceil(4) as u64;
        let queries = encoder.gpu().scratch("queries", count * k4 * 16)?;
        let norms = encoder.gpu().scratch("query norms", count * 8)?;
        let number = |query: u32| self.first + u64::from(query);
        let mut tables = Vec::new();
        let mut start = 0;
        for (segment, part) in self.rows.segments() {
            let end = segment.first_row() + u64::from(segment.rows());
            let own = which[start..].partition_point(|&query| number(query) < end);
            let local = which[start..start + own].iter();
            let local = local.map(|&query| (number(query) - segment.first_row()) as u32);
            if own > 0 {
                let local: Vec<u32> = local.collect();
                let table = encoder.upload("row numbers", bytemuck::cast_slice(&local))?;
                tables.push((segment, part, table, start as u32, own as u32));
            }
            start += own;
        }
        for (segment, part, table, first, n) in tables {
            let scale = part.scale.as_ref();
            let rows = (segment.buffer(), scale, Some(&table));
            self.encode(
                encoder,
                segment,
                rows,
                (first..first + n, count as u32),
                [&queries, &norms],
            )?;
        }
        Ok(Upload {
            count: which.len() as u32,
            floats: Some(queries.clone()),
            float_stride4: k4 as u32,
            exact: queries,
            exact_stride4: k4 as u32,
            norms: Some(norms),
            int8: None,
            ranges: None,
        })
    }

    /// Encodes consecutive ones, all of one segment, of which the first has a number in it that is a multiple of 64: read where they lie,
    /// if these are the f32 that the kernels read. There are no norms, for callers who ask for no bound.
    ///
    /// # Errors
    /// `Internal` for rows of several segments.
    pub fn span(&self, rows: Range<u64>, encoder: &mut Encoder) -> Result<Upload> {
        let matrix = self.rows.matrix();
        let (begin, end) = (self.first + rows.start, self.first + rows.end);
        let holds = |first: u64, count: u32| first <= begin && end <= first + u64::from(count);
        let mut segments = self.rows.segments();
        let (segment, part) = segments
            .find(|(segment, _)| holds(segment.first_row(), segment.rows()))
            .ok_or_else(|| Error::internal(format!("rows {rows:?} of several segments")))?;
        let (local, n) = (begin - segment.first_row(), (end - begin) as u32);
        let stride = u64::from(segment.stride_bytes());
        let own = segment.buffer();
        if !(local * stride).is_multiple_of(PART_ALIGN) || !(local * 4).is_multiple_of(PART_ALIGN) {
            return Err(Error::internal(format!("queries from row {local} on")));
        }
        let buffer = own.part(local * stride, u64::from(n) * stride);
        let k4 = self.rows.dim().div_ceil(4) as u32;
        let plain = matrix.dtype() == DType::F32 && !self.rows.is_coded() && !self.scaled;
        let queries = if plain {
            buffer
        } else {
            let gpu = encoder.gpu().clone();
            let queries = gpu.scratch("queries", u64::from(n) * u64::from(k4) * 16)?;
            let norms = gpu.scratch("query norms", u64::from(n) * 8)?;
            let scale = part.scale.as_ref().filter(|_| self.scaled);
            let scale = scale.map(|scale| scale.part(local * 4, u64::from(n) * 4));
            let rows = (&buffer, scale.as_ref(), None);
            self.encode(encoder, segment, rows, (0..n, n), [&queries, &norms])?;
            queries
        };
        Ok(Upload {
            count: n,
            floats: Some(queries.clone()),
            float_stride4: k4,
            exact: queries,
            exact_stride4: k4,
            norms: None,
            int8: None,
            ranges: None,
        })
    }

    /// Encodes rows of a segment, with their scales and a table of which they are, as some of so many queries.
    fn encode(
        &self,
        encoder: &mut Encoder,
        segment: &Segment,
        (rows, scale, table): (&Buffer, Option<&Buffer>, Option<&Buffer>),
        (queries, nq): (Range<u32>, u32),
        [out, norms]: [&Buffer; 2],
    ) -> Result<()> {
        let (matrix, n) = (self.rows.matrix(), queries.end - queries.start);
        let groups = fold(encoder.gpu(), u64::from(n).div_ceil(GROUP_ROWS))?;
        let params = params::RowQueries {
            n,
            first: queries.start,
            nq,
            k4: self.rows.dim().div_ceil(4) as u32,
            stride4: matrix.dtype().stride4(segment.stride_bytes()),
            groups_x: groups[0],
            dim: self.rows.dim() as u32,
        };
        let mut buffers = vec![("rows", rows), ("queries", out), ("norms", norms)];
        buffers.extend(table.map(|table| ("row_table", table)));
        buffers.extend(scale.filter(|_| self.scaled).map(|scale| ("scale", scale)));
        buffers.extend(self.rows.ranges().map(|ranges| ("ranges", ranges)));
        let map = if table.is_some() { RowMap::TABLE } else { RowMap::IDENTITY };
        let variant = kernels::row_queries(self.rows.elements(), self.scaled, map);
        encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
    }
}
