//! FAISS's index files (`faiss.write_index`), read and written.
//!
//! In the order in which the files use each other: the letters that stand for kinds of indexes (`names`),
//! what each begins with (`header`), codes in blocks (`fast_scan`), what a file is found to hold (`found`), flat indexes (`flat`), quantizers (`quantizer`), flat indexes of codes (`codes`), transforms of vectors
//! (`transforms`), lists (`lists`), of bits (`bit_lists`), signs of rows (`signs`), graphs (`graph`), a whole file (`layout`), its rows as a stream (`rows`; `stored`: what is between links); with all that indexes (`read`), and the other way (`write`).
//!
//! A file is gone through twice: first for everything but its rows, whose places are noted, so that it is known to be sound before
//! anything is on the device; then for the rows.

mod bit_lists;
mod codes;
mod fast_scan;
mod flat;
mod found;
mod graph;
mod header;
mod layout;
mod lists;
mod names;
mod quantizer;
mod rabitq;
mod read;
mod rows;
mod signs;
mod stored;
mod transforms;
mod write;

use crate::device::Gpu;
use crate::error::Result;
use crate::format::AtomicFile;
use crate::index::{Index, IndexInfo};
use std::path::Path;

/// Reads an index that FAISS wrote, `faiss.write_index(index, "x.faiss")` or `faiss.write_index_binary`, or [`write_faiss`].
///
/// | in the file | letters | index |
/// |---|---|---|
/// | `IndexFlat`, `IndexFlatL2`, `IndexFlatIP` | `IxFl` `IxF2` `IxFI` | [`Flat`](crate::Flat) |
/// | `IndexScalarQuantizer` | `IxSQ` | [`Sq`](crate::Sq) |
/// | `IndexPQ`, `IndexPQFastScan` | `IxPq`, of old `IxPo` `IxPQ`; `IPfs` | [`Pq`](crate::Pq) |
/// | `IndexIVFFlat` | `IwFl`, of old `IvFl` `IvFL` | [`IvfFlat`](crate::IvfFlat) |
/// | `IndexIVFScalarQuantizer` | `IwSq`, of old `IwSQ` `IvSQ` | [`IvfSq`](crate::IvfSq) |
/// | `IndexIVFPQ`, `IndexIVFPQFastScan` | `IwPQ`, of old `IvPQ`; `IwPf` | [`IvfPq`](crate::IvfPq) |
/// | `IndexRaBitQ` | `Ixrq` `Ixrr` | [`RaBitQ`](crate::RaBitQ) |
/// | `IndexIVFRaBitQ` | `Iwrq` `Iwrr` | [`IvfRaBitQ`](crate::IvfRaBitQ) |
/// | `IndexLSH` | `IxHe`, of old `IxHE` | [`Lsh`](crate::Lsh) |
/// | `IndexHNSWFlat`, `IndexHNSWSQ`, `IndexHNSWPQ`, `IndexHNSWCagra` | `IHNf` `IHNs` `IHNp` `IHc2` | [`Hnsw`](crate::Hnsw), over the links of the file |
/// | `IndexBinaryFlat` | `IBxF` | [`BinaryFlat`](crate::BinaryFlat) |
/// | `IndexBinaryIVF` | `IBwF` | [`BinaryIvf`](crate::BinaryIvf) |
/// | `IndexPreTransform` of one of these | `IxPT` | [`PreTransform`](crate::PreTransform) |
/// | `IndexRefineFlat`, `IndexRefine` by an `IndexFlat`, `IndexScalarQuantizer` or `IndexPQ`, of one of these | `IxRF` | [`Refine`](crate::Refine), with its `k_factor` |
/// | `IndexIDMap`, `IndexIDMap2` of one of these | `IxMp` `IxM2` `IBMp` `IBM2` | the same with these ids |
///
/// Rows, codes, centroids, the list of each row, the number of lists that a search looks at and ids are taken as they are: no row is assigned or
/// encoded anew. Rows keep the order that they have in the file, which is list by list; equal distances stand in that order. An index that
/// is not trained is read as one. Direct maps are left out, since every index here finds its rows by id.
///
/// Rows between links are f32, or f16, bf16, u8 and i8 where the file has them as codes of these types (`QT_fp16`, `QT_bf16`, `QT_8bit_direct`,
/// `QT_8bit_direct_signed`). Other codes of an `IndexHNSWSQ` or `IndexHNSWPQ` become the f32 rows that they decode to: the distances are those of
/// the codes, the memory that of rows. Of `IndexHNSWCagra` with level 0 alone, searches here set out as of any graph.
///
/// Transforms: `PCAMatrix` (`Pcam`, of old `PcAm` and `PCAm`), `OPQMatrix` and `LinearTransform` (`LTra`), `RandomRotationMatrix` (`rrot`),
/// `ITQTransform` (`Viqt`) and `ITQMatrix` (`Viqm`), `HadamardRotation` (`HRot`), `NormalizationTransform` (`VNrm`), `CenteringTransform`
/// (`VCnt`), `RemapDimensionsTransform` (`RmDT`), with the matrices that the file has. One that is not trained is trained here, but for a matrix
/// (`LTra`), of which no file says by what: that is refused.
///
/// Metrics: [`L2`](crate::Metric::L2), [`InnerProduct`](crate::Metric::InnerProduct), [`L1`](crate::Metric::L1),
/// [`Linf`](crate::Metric::Linf), [`Lp`](crate::Metric::Lp), [`Canberra`](crate::Metric::Canberra), [`BrayCurtis`](crate::Metric::BrayCurtis),
/// [`JensenShannon`](crate::Metric::JensenShannon), [`Jaccard`](crate::Metric::Jaccard), [`NanEuclidean`](crate::Metric::NanEuclidean) and
/// [`Gower`](crate::Metric::Gower), for which the distances are FAISS's; where one of its terms is 0/0, which makes a row no hit there, it is 0 here.
///
/// Cost: streams the rows once; host memory for a block of rows, for ids that are not the rows' numbers 8 to 20 bytes a row, and for
/// lists 4 bytes a row and the centroids.
///
/// # Errors
/// `Format`, naming file and offset, for a file that is damaged, that goes on behind the index, or that holds what there is no place for here,
/// by its name: other kinds of index (NSG, binary HNSW, HNSW of older letters (`IHNc`, `IHN2`) or over Panorama's rows (`IHfP`), a graph without its rows, product quantizers of other than 4 to 8 bits or searched by other than the distances of their
/// codes, transforms within transforms), centroids in another index than a flat one or under another metric than the rows, candidates compared by another index than one of flat rows or codes, lists that are in a file of their own, negative ids and ids that are there twice, values that the
/// metric refuses; `Io`; what the index's constructor and `add` return.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Search, read_faiss};
/// // index = faiss.index_factory(128, "IVF1024,Flat"); ...; faiss.write_index(index, "lists.faiss")
/// let index = read_faiss(&Gpu::new()?, "lists.faiss")?;
/// let hits = index.search(&[0.5; 128], 10)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexFlatL2", "IndexIVFFlat", "IndexIDMap2"))]
pub fn read_faiss(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Box<dyn Index>> {
    read::read(gpu, path.as_ref())
}

/// Writes an index to a file that `faiss.read_index` reads, of bits `faiss.read_index_binary`; whole or not at all, without what was removed.
///
/// A [`Flat`](crate::Flat) becomes an `IndexFlat`, an [`Sq`](crate::Sq) an `IndexScalarQuantizer`, a [`Pq`](crate::Pq) an `IndexPQ`, an [`IvfFlat`](crate::IvfFlat) an `IndexIVFFlat`, an [`IvfSq`](crate::IvfSq) an
/// `IndexIVFScalarQuantizer`, an [`IvfPq`](crate::IvfPq) an `IndexIVFPQ`, a [`RaBitQ`](crate::RaBitQ) an `IndexRaBitQ`, an
/// [`IvfRaBitQ`](crate::IvfRaBitQ) an `IndexIVFRaBitQ`, an [`Lsh`](crate::Lsh) an `IndexLSH`, a
/// [`Hnsw`](crate::Hnsw) an `IndexHNSWFlat`, of other types than f32 an `IndexHNSWSQ` of the same numbers, a [`Graph`](crate::Graph) likewise, with levels made
/// above its edges, a [`BinaryFlat`](crate::BinaryFlat) an `IndexBinaryFlat`, a [`BinaryIvf`](crate::BinaryIvf) an `IndexBinaryIVF`, a
/// [`PreTransform`](crate::PreTransform) an `IndexPreTransform` of what is within, a [`Refine`](crate::Refine) an `IndexRefine` of its
/// stages; a flat one or a `Refine` whose ids are not
/// 0, 1, 2... in the order of its rows within an `IndexIDMap2`. What [`read_faiss`] reads it writes again to the byte, but for
/// direct maps, an ID map of lists, whose ids become those in the lists, an `IndexIDMap` or one around transforms, old letters, an argument that a quantizer's statistic has no use for, and a count of rows that are in no list.
///
/// What is not kept, since FAISS has no place for it:
/// * Originals of codes ([`Originals`](crate::Originals)): the codes alone are written, and distances there are those of codes.
/// * How the levels of an [`Hnsw`](crate::Hnsw) are drawn; that level 0 is alone, of an `IndexHNSWCagra`, which becomes an `IndexHNSWFlat`.
/// * Rows of f16, bf16, i8 and u8, but for those of graphs, are widened to f32, which holds each of their numbers.
/// * [`Cosine`](crate::Metric::Cosine) becomes the inner product of rows (and centroids) of length 1: normalise the queries, and the distances
///   are those of cosine. It is read again as [`InnerProduct`](crate::Metric::InnerProduct). Behind transforms one more does that to queries.
/// * What an [`opq`](crate::VectorTransform::opq) was made for: it becomes a matrix, `LTra`.
/// * The last digits of some factors of RaBitQ's codes, which may be a unit in the last place from those of the file that was read. In how many bits
///   searches read queries (`qb`) is kept both ways; of an index that was not told it is 0, in full, where FAISS would set 4.
/// * The next id, where rows were removed: FAISS gives rows that are added later numbers that may be there.
/// * The order of rows of different lists.
///
/// Cost: streams the rows in blocks; 8 bytes of host memory a row for ids, for lists 16 to 24; searches go on meanwhile.
///
/// # Errors
/// `Unsupported` for what would have other distances there: metrics that [`read_faiss`] does not list, which
/// [`SqrtL2`](crate::Metric::SqrtL2) (FAISS's L2 is squared) and [`CosineDistance`](crate::Metric::CosineDistance) are, too; codes under
/// cosine; a [`k_factor`](crate::Refine::k_factor) above 1000; a scalar quantizer of a type that FAISS does not have (`SQ6_uniform`); of bits other metrics than
/// [`Hamming`](crate::Metric::Hamming) and other dimensions than whole bytes; an index of somebody else's type. As
/// [`Index::write`](crate::Index::write).
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, Index, Metric, Rows, write_faiss};
/// let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
/// index.add_with_ids(Rows::F32(&[0.0, 0.0, 3.0, 4.0]), &[70, 30])?;
/// write_faiss(&index, "points.faiss")?; // faiss.read_index("points.faiss") is an IndexIDMap2
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn write_faiss(index: &dyn Index, path: impl AsRef<Path>) -> Result<()> {
    write_faiss_unnamed(index, path)?.finish()
}

/// The same as [`write_faiss`], but for the name of the file, which comes with [`finish`](AtomicFile::finish).
///
/// # Errors
/// Those of [`write_faiss`].
///
/// # Example
/// ```no_run
/// # use nearfield::*;
/// let index = read_index(&Gpu::new()?, "points.nf")?;
/// let mut file = write_faiss_unnamed(&*index, "points.faiss")?;
/// verify_faiss(file.unfinished()?, &mut |_, _| Ok(()))?; // what was written reads
/// file.finish()?;
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn write_faiss_unnamed(index: &dyn Index, path: impl AsRef<Path>) -> Result<AtomicFile> {
    write::write(index, path.as_ref())
}

/// Whether a file begins as FAISS's index files do, those that are not read included, whatever its name is.
///
/// # Errors
/// `Io`.
///
/// # Example
/// ```no_run
/// use nearfield::{faiss_info, is_faiss};
/// if is_faiss("unknown.index")? {
///     println!("{:?}", faiss_info("unknown.index")?);
/// }
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn is_faiss(path: impl AsRef<Path>) -> Result<bool> {
    read::begins(path.as_ref())
}

/// What a file of FAISS's says of itself: what [`read_faiss`] would make of it, and [`version`](IndexInfo#structfield.version) 0,
/// since there is none in it. No device is needed.
///
/// Cost: reads all but the rows, so ids and the sizes of lists.
///
/// # Errors
/// `Format` and `Io` as [`read_faiss`].
///
/// # Example
/// ```no_run
/// let info = nearfield::faiss_info("lists.faiss")?;
/// println!("{}: {} rows of {}, {}", info.kind, info.rows, info.dim, info.metric);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn faiss_info(path: impl AsRef<Path>) -> Result<IndexInfo> {
    read::info(path.as_ref())
}

/// Reads the whole of a file of FAISS's, which has no checksums, and checks what can be checked without a device: lengths, lists, ids, and that the
/// metric takes the values; `progress` is told bytes of rows and bytes of the file, and an error that it returns ends the check.
///
/// # Errors
/// `Format` and `Io` as [`read_faiss`]; what `progress` returns.
///
/// # Example
/// ```no_run
/// let info = nearfield::verify_faiss("lists.faiss", &mut |_, _| Ok(()))?;
/// println!("{} rows, which read_faiss reads", info.rows);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn verify_faiss(
    path: impl AsRef<Path>,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<IndexInfo> {
    read::verify(path.as_ref(), progress)
}
