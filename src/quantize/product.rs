//! The product quantizer.

use super::encode::{self, Codebook, Lists};
use super::learn::{self, Shape};
use super::pack::{pack, unpack};
use crate::buffer::Matrix;
use crate::clustering::{self, KMeansParams};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::parallel::each;
use crate::space::check;
use std::sync::{Arc, Mutex, PoisonError};

/// No number of a centroid is more.
const LARGEST: f32 = 1_152_921_504_606_846_976.0;
/// Elements that one thread decodes at a time.
const PIECE: usize = 64 << 10;
/// Bytes of rows that go to the device at a time.
const BLOCK_BYTES: usize = 64 << 20;

/// Numbered rows in f32.
pub(crate) fn picked(rows: Rows<'_>, dim: usize, numbers: &[u32]) -> Result<Vec<f32>> {
    let step = (PIECE / dim).max(1);
    let pieces = each(numbers.chunks(step).collect(), |numbers: &[u32]| {
        let mut out = Vec::with_capacity(numbers.len() * dim);
        for &row in numbers {
            let row = row as usize;
            out.extend(rows.slice(dim, row..row + 1).to_f32());
        }
        Ok(out)
    })?;
    Ok(pieces.concat())
}

/// Rows in fewer bits, part by part: FAISS's `ProductQuantizer`, whose codes these are (Jégou, Douze, Schmid 2011).
///
/// A row is cut into parts of equal length, and each part becomes the number of the nearest of 2^bits centroids, which are learnt for
/// that part from a sample, by k-means.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, KMeansParams, ProductQuantizer, Rows};
/// # let rows = vec![0.5; 128 * 100_000];
/// let gpu = Gpu::new()?;
/// // 16 parts of 8 elements, a byte each: 512 bytes of a row become 16
/// let quantizer = ProductQuantizer::new(128, 16, 8)?;
/// let quantizer = quantizer.train(&gpu, Rows::F32(&rows), &KMeansParams::new())?;
/// let codes = quantizer.encode(&gpu, Rows::F32(&rows))?;
/// assert_eq!((quantizer.code_bytes(), codes.len()), (16, 16 * 100_000));
/// let near = quantizer.decode(&codes)?; // the centroids that the codes are of
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexPQ", "PQ"))]
#[derive(Clone, Debug, PartialEq)]
pub struct ProductQuantizer {
    dim: usize,
    subspaces: usize,
    bits: u32,
    /// The centroids of each part, one part after the other; empty before training.
    centroids: Arc<[f32]>,
}

impl ProductQuantizer {
    /// A quantizer of rows of `dim` elements in so many parts (FAISS's M) of 4 to 8 bits each, which has yet to be trained.
    ///
    /// # Errors
    /// `InvalidArgument` for a `dim` of 0, parts that `dim` is no multiple of, and other bits.
    ///
    /// # Example
    /// ```
    /// use nearfield::ProductQuantizer;
    /// let quantizer = ProductQuantizer::new(96, 48, 4)?;
    /// assert_eq!((quantizer.code_bytes(), quantizer.is_trained()), (24, false));
    /// assert!(ProductQuantizer::new(96, 36, 8).is_err());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn new(dim: usize, subspaces: usize, bits: u32) -> Result<ProductQuantizer> {
        if dim == 0 {
            return Err(Error::argument("dim", "0 elements are no row"));
        }
        if subspaces == 0 || !dim.is_multiple_of(subspaces) {
            let reason = format!("{dim} elements are not cut into {subspaces} equal parts");
            return Err(Error::argument("subspaces", reason));
        }
        if !(4..=8).contains(&bits) {
            return Err(Error::argument("bits", format!("{bits} is not in 4..=8")));
        }
        Ok(ProductQuantizer { dim, subspaces, bits, centroids: Arc::new([]) })
    }

    /// One that is not trained, for the place of another.
    pub(crate) fn of_one_part(dim: usize) -> ProductQuantizer {
        ProductQuantizer { dim, subspaces: 1, bits: 8, centroids: Arc::new([]) }
    }

    /// The same with these centroids, as [`centroids`](Self::centroids) has them.
    ///
    /// # Errors
    /// `InvalidArgument` where they are not as many as there have to be, not finite, or above 2^60.
    ///
    /// # Example
    /// ```
    /// use nearfield::ProductQuantizer;
    /// let centroids: Vec<f32> = (0..16).map(|c| c as f32).collect();
    /// let quantizer = ProductQuantizer::new(1, 1, 4)?.with_centroids(&centroids)?;
    /// assert_eq!(quantizer.decode(&[3, 15])?, [3.0, 15.0]);
    /// assert_eq!((quantizer.dim(), quantizer.subspaces(), quantizer.bits()), (1, 1, 4));
    /// assert_eq!(quantizer.centroids()[15], 15.0);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_centroids(self, centroids: &[f32]) -> Result<ProductQuantizer> {
        let expected = self.dim << self.bits;
        if centroids.len() != expected {
            let reason = format!("{} numbers; {expected} are expected", centroids.len());
            return Err(Error::argument("centroids", reason));
        }
        // squares of larger ones are beyond f32
        if let Some(at) = centroids.iter().position(|x| !x.is_finite() || x.abs() > LARGEST) {
            let reason = format!("number {at} is {}; {LARGEST:e} is the most", centroids[at]);
            return Err(Error::argument("centroids", reason));
        }
        Ok(ProductQuantizer { centroids: centroids.into(), ..self })
    }

    /// Elements of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Parts of a row: FAISS's `M`.
    pub fn subspaces(&self) -> usize {
        self.subspaces
    }

    /// Bits of the code of a part: FAISS's `nbits`.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Bytes of the code of a row.
    pub fn code_bytes(&self) -> usize {
        (self.subspaces * self.bits as usize).div_ceil(8)
    }

    /// The centroids of the first part, one after the other, then those of the second, and so on; empty before training.
    pub fn centroids(&self) -> &[f32] {
        &self.centroids
    }

    /// Whether rows can be encoded.
    pub fn is_trained(&self) -> bool {
        !self.centroids.is_empty()
    }

    /// Elements of a part.
    fn part(&self) -> usize {
        self.dim / self.subspaces
    }

    /// The same with centroids learnt from a sample, by [`kmeans`](crate::kmeans) under L2 in each part. FAISS's parameters are the
    /// defaults: 25 iterations, on at most 256 rows a centroid.
    ///
    /// # Errors
    /// `InvalidArgument` for fewer than 2^bits rows, weights or given centroids; `PartialRow`; `NonFinite`; `Cancelled`; what
    /// [`kmeans`](crate::kmeans) says.
    pub fn train(
        &self,
        gpu: &Gpu,
        sample: Rows<'_>,
        params: &KMeansParams,
    ) -> Result<ProductQuantizer> {
        let (dim, ksub) = (self.dim, 1 << self.bits);
        let count = sample.count(dim)?;
        if sample.dtype() == DType::Bits {
            return Err(Error::unsupported("a product quantizer", "rows of bits"));
        }
        if !params.weights.is_empty() || !params.centroids.is_empty() {
            let reason =
                "weights and centroids are those of one k-means, and each part has its own";
            return Err(Error::argument("params", reason));
        }
        self.check_sample(count)?;
        check::rows(&Metric::L2, sample, dim, 0)?;
        let rows = match clustering::subset(count, ksub, params)? {
            None => sample.to_f32(),
            Some(chosen) => picked(sample, dim, &chosen)?,
        };
        let fresh = ProductQuantizer { centroids: Arc::default(), ..self.clone() };
        fresh.learnt(gpu, &rows, params)
    }

    /// Refuses fewer rows of a sample than there are centroids.
    pub(crate) fn check_sample(&self, count: usize) -> Result<()> {
        let (parts, bits, ksub) = (self.subspaces, self.bits, 1 << self.bits);
        if count < ksub {
            let reason = format!(
                "{count} rows, of which {ksub} centroids are to be learnt in each of {parts} parts of {bits} bits: {ksub} rows are the least"
            );
            return Err(Error::argument("sample", reason));
        }
        Ok(())
    }

    /// The same with centroids learnt from these rows, all of them, of which the first are those that there are, if there are some.
    pub(super) fn learnt(
        &self,
        gpu: &Gpu,
        rows: &[f32],
        params: &KMeansParams,
    ) -> Result<ProductQuantizer> {
        let shape = Shape { dim: self.dim, parts: self.subspaces, bits: self.bits };
        if learn::takes(params) {
            let centroids = learn::centroids(gpu, shape, &self.centroids, rows, params)?;
            return self.clone().with_centroids(&centroids);
        }
        // what else k-means does it does for each part
        let (dim, part, parts, done) = (self.dim, self.part(), self.subspaces, Mutex::new(0));
        let of_parts = each((0..parts).collect(), |of| {
            let columns = rows.chunks_exact(dim).flat_map(|row| &row[of * part..(of + 1) * part]);
            let columns: Vec<f32> = columns.copied().collect();
            let points = Matrix::from_rows(gpu, part, Rows::F32(&columns))?;
            let own = KMeansParams { progress: None, ..params.clone() };
            let centroids = clustering::centroids(&points, &Metric::L2, 1 << self.bits, &own)?;
            if let Some(progress) = &params.progress {
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                *done += 1;
                progress(f64::from(*done) / parts as f64);
            }
            Ok(centroids)
        })?;
        let centroids = of_parts.concat();
        self.clone().with_centroids(&centroids)
    }

    /// The codes of rows, one after the other, computed on the device. Squares of differences that are below 2^-126 count as none, so that
    /// parts of which all numbers are below some 1e-19 have the code of any centroid as near. They are of [`code_bytes`](Self::code_bytes) each, packed as FAISS packs
    /// them.
    ///
    /// # Errors
    /// `NotTrained`; `PartialRow`; `NonFinite`; `Unsupported` for bits; what a [`Matrix`] says.
    pub fn encode(&self, gpu: &Gpu, rows: Rows<'_>) -> Result<Vec<u8>> {
        let (dim, count) = (self.dim, rows.count(self.dim)?);
        if rows.dtype() == DType::Bits {
            return Err(Error::unsupported("a product quantizer", "rows of bits"));
        }
        let codebook = self.codebook(gpu)?;
        let step = (BLOCK_BYTES / 4 / dim).max(1);
        let mut out = Vec::with_capacity(count * self.code_bytes());
        for first in (0..count).step_by(step) {
            let block = rows.slice(dim, first..(first + step).min(count));
            check::rows(&Metric::L2, block, dim, first as u64)?;
            let block = match block {
                Rows::F32(_) => Matrix::from_rows(gpu, dim, block)?,
                _ => Matrix::from_rows(gpu, dim, Rows::F32(&block.to_f32()))?,
            };
            out.extend(self.encode_with(&codebook, &block, None)?);
        }
        Ok(out)
    }

    /// The same of f32 rows on the device, by centroids that are there; of residuals, where `lists` says of what.
    pub(crate) fn encode_with(
        &self,
        codebook: &Codebook,
        rows: &Matrix,
        lists: Option<Lists<'_>>,
    ) -> Result<Vec<u8>> {
        let numbers = encode::codes(codebook, rows, lists)?;
        let numbers = numbers.read(0..numbers.len())?;
        if self.bits == 8 {
            return Ok(numbers);
        }
        let step = (PIECE / self.subspaces).max(1) * self.subspaces;
        let pieces = each(numbers.chunks(step).collect(), |numbers: &[u8]| {
            let mut out = Vec::with_capacity(numbers.len());
            numbers.chunks_exact(self.subspaces).for_each(|row| pack(row, self.bits, &mut out));
            Ok(out)
        })?;
        Ok(pieces.concat())
    }

    /// What codes stand for: the centroids of their parts.
    ///
    /// # Errors
    /// `NotTrained`; `InvalidArgument` for bytes that are not whole codes.
    pub fn decode(&self, codes: &[u8]) -> Result<Vec<f32>> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        let bytes = self.code_bytes();
        if !codes.len().is_multiple_of(bytes) {
            let reason = format!("{} bytes are no whole codes of {bytes}", codes.len());
            return Err(Error::argument("codes", reason));
        }
        let step = (PIECE / self.dim).max(1) * bytes;
        let parts = each(codes.chunks(step).collect(), |codes: &[u8]| Ok(self.piece(codes)))?;
        Ok(parts.concat())
    }

    fn piece(&self, codes: &[u8]) -> Vec<f32> {
        let (part, ksub) = (self.part(), 1 << self.bits);
        let mut out = Vec::with_capacity(codes.len() / self.code_bytes() * self.dim);
        let mut numbers = Vec::new();
        for code in codes.chunks_exact(self.code_bytes()) {
            numbers.clear();
            unpack(code, self.bits, self.subspaces, &mut numbers);
            for (of, &number) in numbers.iter().enumerate() {
                let centroid = (of * ksub + usize::from(number)) * part;
                out.extend_from_slice(&self.centroids[centroid..centroid + part]);
            }
        }
        out
    }

    /// The centroids as the device reads them.
    pub(crate) fn codebook(&self, gpu: &Gpu) -> Result<Codebook> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        Codebook::new(gpu, &self.centroids, (self.subspaces, self.part()), self.bits)
    }
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
