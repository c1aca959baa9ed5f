//! The rows as a metric compares them, and what the scan needs of each: a bias, a scale, and the largest norm of each bin.

use super::bias;
use super::stats::Stats;
use crate::buffer::{BIN, Buffer, Matrix, Segment, Touched};
use crate::device::Gpu;
use crate::error::Result;
use crate::exact::coding::{Codes, Coding, Elements};
use crate::exact::tables::Tables;
use crate::kernel::Encoder;
use crate::space::Family;
use crate::space::check::RowFacts;

/// How the scan scores rows: its family, and whether products are divided by the norm of the row (cosine).
pub(crate) type ScanFamily = (Family, bool);

/// Rows and what is known of them. Changes give another that shares what is equal.
#[derive(Clone)]
pub(crate) struct Measured {
    matrix: Matrix,
    /// `None` where no scan is ever asked of these rows: then nothing is computed of them.
    scan: Option<ScanFamily>,
    /// Of each segment.
    parts: Vec<Part>,
    /// Largest |x| of each bin; only with a scan.
    bin_norm: Option<Buffer>,
    facts: RowFacts,
    /// Where the rows are codes, which are looked up.
    tables: Option<Tables>,
    /// Where such codes are their copy.
    codes: Option<Codes>,
}

/// What belongs to one segment, a number a row.
#[derive(Clone)]
pub(crate) struct Part {
    /// -|x|^2 / 2, or 0; the sentinel for a row that is deleted.
    pub bias: Buffer,
    /// 1 / |x| (cosine).
    pub scale: Option<Buffer>,
    capacity: u32,
}

/// Bytes for numbers of bins, of which `needed` are, where there were `had`: doubling, so that many small additions copy little,
/// as far as one binding goes.
pub(crate) fn by_bin(gpu: &Gpu, needed: u64, had: u64) -> u64 {
    let doubled = (had * 2).min(gpu.caps().max_binding_bytes / 256 * 256);
    needed.max(doubled).next_multiple_of(256)
}

impl Measured {
    /// No rows yet.
    pub fn new(matrix: Matrix, scan: Option<ScanFamily>) -> Measured {
        Measured {
            matrix,
            scan,
            parts: Vec::new(),
            bin_norm: None,
            facts: RowFacts::NONE,
            tables: None,
            codes: None,
        }
    }

    /// Of rows that are looked up.
    pub fn looked_up(self, tables: Tables) -> Measured {
        Measured { facts: tables.facts(), tables: Some(tables), ..self }
    }

    /// The same whose distances are of queries that are rounded to so many bits: [`Tables::with_query_bits`].
    pub fn with_query_bits(self, bits: u32) -> Measured {
        Measured { tables: self.tables.map(|tables| tables.with_query_bits(bits)), ..self }
    }

    /// Whether distances are of queries that are rounded, otherwise for every list, so that no score tells them.
    pub fn rounds_queries(&self) -> bool {
        self.elements().query_bits > 0
    }

    /// With codes as their copy, for rows that are none; numbers that are there are not computed again.
    pub fn copied_as(self, codes: Option<Codes>) -> Measured {
        Measured { codes, ..self }
    }

    /// The codes that are the rows' copy.
    pub fn codes(&self) -> Option<&Codes> {
        self.codes.as_ref()
    }

    /// At least the norm of every row in the norms of bins: what codes count with.
    pub fn least_norm(&self) -> f32 {
        self.codes().and_then(Codes::coding).map_or(0.0, Coding::norm)
    }

    pub fn tables(&self) -> Option<&Tables> {
        self.tables.as_ref()
    }

    /// Whether the rows are codes.
    pub fn is_coded(&self) -> bool {
        self.tables.is_some()
    }

    /// Elements of a row as it is compared.
    pub fn dim(&self) -> usize {
        self.tables.as_ref().map_or(self.matrix.dim(), Tables::dim)
    }

    /// Bytes behind the queries of a submission: what codes are looked up in, where kernels have no binding for it.
    pub fn behind_queries(&self) -> u64 {
        let behind = self.tables.as_ref().filter(|tables| !tables.elements().apart);
        behind.map_or(0, |tables| tables.buffer().size())
    }

    /// What kernels that decode rows bind beside them.
    pub fn ranges(&self) -> Option<&Buffer> {
        self.tables.as_ref().map(Tables::buffer)
    }

    /// As kernels load the rows that compute with what they stand for.
    pub fn elements(&self) -> Elements {
        self.tables.as_ref().map_or(self.matrix.dtype().into(), Tables::elements)
    }

    /// What is known of codes does not come from their bytes.
    fn facts_of(&self, facts: RowFacts) -> RowFacts {
        self.tables.as_ref().map_or(facts, Tables::facts)
    }

    pub fn gpu(&self) -> &Gpu {
        self.matrix.gpu()
    }

    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    pub fn scan(&self) -> Option<ScanFamily> {
        self.scan
    }

    /// Whether the scan multiplies the logarithms of the rows, which are there as a copy alone.
    pub fn by_logs(&self) -> bool {
        matches!(self.scan, Some((Family::Log, _)))
    }

    pub fn len(&self) -> u64 {
        self.matrix.row_count()
    }

    pub fn bins(&self) -> u64 {
        self.len().div_ceil(BIN)
    }

    pub fn bin_norm(&self) -> Option<&Buffer> {
        self.bin_norm.as_ref()
    }

    pub fn facts(&self) -> RowFacts {
        self.facts
    }

    /// The segments of rows and what belongs to them.
    pub fn segments(&self) -> impl Iterator<Item = (&Segment, &Part)> {
        self.matrix.segments().iter().zip(&self.parts)
    }

    /// Device memory of the rows and their numbers.
    pub fn bytes(&self) -> u64 {
        let part = |p: &Part| p.bias.size() + p.scale.as_ref().map_or(0, Buffer::size);
        let norms = self.bin_norm.as_ref().map_or(0, Buffer::size);
        let tables = self.ranges().map_or(0, Buffer::size);
        self.matrix.bytes() + self.parts.iter().map(part).sum::<u64>() + norms + tables
    }

    /// Device memory that `rows` rows take in one segment.
    pub fn bytes_of(&self, rows: u64) -> u64 {
        let numbers = if matches!(self.scan, Some((_, true))) { 8 } else { 4 };
        let each = u64::from(self.matrix.stride_bytes()) + numbers;
        rows.saturating_mul(each).saturating_add(rows.div_ceil(BIN) * 4)
    }

    /// The same numbers for a matrix that begins with the rows of this one; those behind are measured.
    pub fn extended(&self, matrix: Matrix, facts: RowFacts) -> Result<Measured> {
        let first = self.len();
        let facts = self.facts_of(facts);
        let mut new = Measured { matrix, facts, ..self.clone() };
        new.measure(first)?;
        Ok(new)
    }

    /// Of other rows, all of which are measured.
    pub fn with_matrix(&self, matrix: Matrix) -> Result<Measured> {
        let (tables, codes) = (self.tables.clone(), self.codes.clone());
        let empty = Measured::new(matrix, self.scan);
        let mut new = Measured { facts: self.facts, tables, codes, ..empty };
        new.measure(0)?;
        Ok(new)
    }

    /// For a matrix in which the touched rows are others. Numbers of the rows between them are computed again, too, also of those
    /// that a mask had left out.
    pub fn replaced(
        &self,
        matrix: Matrix,
        touched: &[Touched],
        facts: RowFacts,
    ) -> Result<Measured> {
        let facts = self.facts_of(facts);
        let mut new = Measured { matrix, facts, ..self.clone() };
        // Searches on the old snapshot may still read its numbers: this one gets its own.
        if let Some(old) = new.bin_norm.clone() {
            new.bin_norm = Some(new.grow(&old, old.size())?);
        }
        for Touched { segment, rows, .. } in touched {
            let part = new.parts[*segment].clone();
            let capacity = new.matrix.segments()[*segment].capacity().next_multiple_of(BIN as u32);
            new.parts[*segment] = new.copy_part(&part, part.capacity.max(capacity))?;
            new.stats(*segment, rows.start, rows.end)?;
        }
        Ok(new)
    }

    /// Without the rows whose bit is 0 (bit i of word i / 32), which keep their place but are never hits.
    pub fn masked(&self, live: &[u32]) -> Result<Measured> {
        let mut new = self.clone();
        for (part, bias) in new.parts.iter_mut().zip(self.masked_biases(live, "bias")?) {
            part.bias = bias;
        }
        Ok(new)
    }

    /// The biases of all segments under a mask, in fresh buffers of this name.
    pub fn masked_biases(&self, live: &[u32], label: &str) -> Result<Vec<Buffer>> {
        let own = self.segments().map(|(segment, part)| (segment, &part.bias));
        bias::masked(self.gpu(), self.len(), own, live, label)
    }

    /// Room for the numbers of rows that are to come into the first segment of `matrix`, which has none yet.
    pub fn with_room(&self, matrix: Matrix) -> Result<Measured> {
        let capacity = matrix.segments().first().map_or(0, Segment::capacity);
        let tables = self.tables.clone();
        let mut new = Measured { tables, ..Measured::new(matrix, self.scan) };
        new.parts.push(new.new_part(capacity)?);
        if new.scan.is_some() {
            let bytes = u64::from(capacity).div_ceil(BIN) * 4;
            new.bin_norm = Some(new.gpu().alloc("bin norms", bytes.next_multiple_of(256))?);
        }
        Ok(new)
    }

    /// Its buffers for other rows, none of which is there yet, for a caller who alone holds it.
    pub fn emptied(&self) -> Measured {
        let facts = self.facts_of(RowFacts::NONE);
        Measured { matrix: self.matrix.emptied(), facts, ..self.clone() }
    }

    /// Computes the numbers of all rows again, whose elements have changed where they lie, for a caller who alone holds it.
    pub fn renewed(&self, facts: RowFacts) -> Result<Measured> {
        let mut new = Measured { facts, ..self.clone() };
        new.measure(0)?;
        Ok(new)
    }

    /// Computes the numbers of all rows from `first` on.
    fn measure(&mut self, first: u64) -> Result<()> {
        if self.scan.is_some() && self.bins() > 0 {
            let needed = self.bins() * 4;
            let had = self.bin_norm.as_ref().map_or(0, Buffer::size);
            if needed > had {
                let size = by_bin(self.gpu(), needed, had);
                self.bin_norm = Some(match &self.bin_norm {
                    Some(old) => self.grow(old, size)?,
                    None => self.gpu().alloc("bin norms", size)?,
                });
            }
        }
        for at in 0..self.matrix.segments().len() {
            let segment = &self.matrix.segments()[at];
            let (start, rows) = (segment.first_row(), segment.rows());
            if start + u64::from(rows) <= first {
                continue;
            }
            let capacity = segment.capacity().next_multiple_of(BIN as u32);
            match self.parts.get(at).cloned() {
                Some(part) if part.capacity >= rows => {}
                Some(part) => self.parts[at] = self.copy_part(&part, capacity)?,
                None => {
                    let part = self.new_part(capacity)?;
                    self.parts.push(part);
                }
            }
            self.stats(at, first.max(start), start + u64::from(rows))?;
        }
        Ok(())
    }

    fn new_part(&self, capacity: u32) -> Result<Part> {
        let bytes = u64::from(capacity) * 4;
        let bias = self.gpu().alloc("bias", bytes)?;
        let scaled = matches!(self.scan, Some((_, true)));
        let scale = if scaled { Some(self.gpu().alloc("scale", bytes)?) } else { None };
        // Where nothing is computed of the rows, all take part.
        let mut encoder = Encoder::new(self.gpu(), "new rows", false)?;
        encoder.clear(&bias);
        encoder.submit(&[])?;
        Ok(Part { bias, scale, capacity })
    }

    fn copy_part(&self, part: &Part, capacity: u32) -> Result<Part> {
        let bytes = u64::from(capacity) * 4;
        let bias = self.grow(&part.bias, bytes)?;
        let scale = part.scale.as_ref().map(|s| self.grow(s, bytes)).transpose()?;
        Ok(Part { bias, scale, capacity })
    }

    /// A copy with zeros behind.
    fn grow(&self, old: &Buffer, bytes: u64) -> Result<Buffer> {
        let new = self.gpu().alloc(old.label(), bytes)?;
        let mut encoder = Encoder::new(self.gpu(), "grow", false)?;
        encoder.clear(&new);
        encoder.copy(old, 0, &new, 0, old.size().min(bytes));
        encoder.submit(&[])?;
        Ok(new)
    }

    /// Computes the numbers of rows `from..to`, all in segment `at`.
    fn stats(&self, at: usize, from: u64, to: u64) -> Result<()> {
        let (segment, part) = (&self.matrix.segments()[at], &self.parts[at]);
        let local = |row: u64| (row - segment.first_row()) as u32;
        let (Some((family, scaled)), Some(norms)) = (self.scan, &self.bin_norm) else {
            // Nothing is computed of these rows, but they take part: a mask left the sentinel behind the last one.
            let mut encoder = Encoder::new(self.gpu(), "new rows", false)?;
            encoder.clear_part(&part.bias, u64::from(local(from)) * 4, (to - from) * 4);
            encoder.submit(&[])?;
            return Ok(());
        };
        let stats = Stats {
            segment,
            dtype: self.matrix.dtype(),
            dim: self.dim(),
            elements: self.elements(),
            ranges: self.ranges(),
            least_norm: self.least_norm(),
            family: (family, scaled),
            bias: &part.bias,
            scale: part.scale.as_ref(),
            bin_norm: norms,
            count: segment.rows(),
            first: local(from),
            last: local(to),
            first_bin: (segment.first_row() / BIN) as u32,
            table: None,
        };
        let mut encoder = Encoder::new(self.gpu(), "row stats", false)?;
        stats.encode(&mut encoder, local(to))?;
        encoder.submit(&[])?;
        Ok(())
    }
}
