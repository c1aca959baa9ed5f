//! Indexes by their descriptions.

use super::changing::Index;
use super::codes::CodeName;
use super::flat::{BinaryFlat, Flat, Pq, RaBitQ, Sq};
use super::graph::{Graph, Hnsw};
use super::ivf::{self, BinaryIvf, IvfFlat, IvfPq, IvfRaBitQ, IvfSq};
use super::lsh::{Lsh, signs_of};
use super::params::HnswParams;
use super::persist;
use super::wrap::{PreTransform, Refine, read_any, refined_by, transforms_of};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::metric::Metric;
use std::path::Path;

type Made = Result<Box<dyn Index>>;

/// A kind of index and its descriptions.
struct Kind {
    /// The descriptions that it answers to, as [`index_factory`] lists them.
    descriptions: &'static str,
    /// Makes it, if the description is one of its own for this type of element.
    make: fn(&Gpu, usize, &str, &Metric, DType) -> Option<Made>,
}

const KINDS: [Kind; 13] = [
    Kind {
        descriptions: "\"Flat\"",
        make: |gpu, dim, description, metric, dtype| {
            let mine = description == "Flat" && dtype != DType::Bits;
            mine.then(|| Ok(Box::new(Flat::with_dtype(gpu, dim, metric.clone(), dtype)?) as _))
        },
    },
    Kind {
        descriptions: "\"BFlat\" (or \"Flat\") of bits",
        make: |gpu, dim, description, metric, dtype| {
            let mine = matches!(description, "Flat" | "BFlat") && dtype == DType::Bits;
            mine.then(|| Ok(Box::new(BinaryFlat::new(gpu, dim, metric.clone())?) as _))
        },
    },
    Kind {
        descriptions: "\"SQ8\" of f32 (or SQ6, SQ4, SQfp16, SQbf16, SQ8_direct...)",
        make: |gpu, dim, description, metric, dtype| {
            let Some(CodeName::Scalar(kind)) = CodeName::of(description) else { return None };
            coded(description, dtype, || Sq::new(gpu, dim, metric.clone(), kind))
        },
    },
    Kind {
        descriptions: "\"PQ16\" of f32 (or PQ16x4: any number of parts, of 4 to 8 bits)",
        make: |gpu, dim, description, metric, dtype| {
            let Some(CodeName::Product(parts, bits)) = CodeName::of(description) else {
                return None;
            };
            coded(description, dtype, || Pq::new(gpu, dim, metric.clone(), parts, bits))
        },
    },
    Kind {
        descriptions: "\"IVF4096,Flat\" (of any number of lists)",
        make: |gpu, dim, description, metric, dtype| {
            let (nlist, codes) = match ivf::lists_of(description)? {
                Ok(lists) => lists,
                Err(error) => return Some(Err(error)),
            };
            if codes.is_some() {
                return None;
            }
            let made = IvfFlat::with_dtype(gpu, dim, metric.clone(), dtype, nlist);
            Some(made.map(|index| Box::new(index) as _))
        },
    },
    Kind {
        descriptions: "\"CAGRA64\" (any number of edges, 2 to 128)",
        make: |gpu, dim, description, metric, dtype| {
            let degree = description.strip_prefix("CAGRA")?.parse().ok()?;
            let made = Graph::with_degree(gpu, dim, metric.clone(), dtype, degree);
            Some(made.map(|index| Box::new(index) as _))
        },
    },
    Kind {
        descriptions: "\"HNSW32\" (any number of links, 2 to 64)",
        make: |gpu, dim, description, metric, dtype| {
            let links = description.strip_prefix("HNSW")?;
            let (links, stored) = links.split_once(',').unwrap_or((links, "Flat"));
            // as FAISS has it, 32 of no number
            let links = if links.is_empty() { 32 } else { links.parse().ok()? };
            if stored != "Flat" {
                let item = format!(
                    "links between {stored}; between rows as they are, HNSW32,Flat, there are some"
                );
                return Some(Err(Error::unsupported(format!("{description:?}"), item)));
            }
            let params = HnswParams::new().max_connections(links);
            let made = Hnsw::with_dtype(gpu, dim, metric.clone(), dtype, &params);
            Some(made.map(|index| Box::new(index) as _))
        },
    },
    Kind {
        descriptions: "\"BIVF4096\" of bits",
        make: |gpu, dim, description, metric, dtype| {
            let nlist = match ivf::lists_of_bits(description)? {
                Ok(nlist) => nlist,
                Err(error) => return Some(Err(error)),
            };
            if dtype != DType::Bits {
                let item = format!("rows of {dtype}, where lists of bits are");
                return Some(Err(Error::unsupported(format!("{description:?}"), item)));
            }
            let made = BinaryIvf::new(gpu, dim, metric.clone(), nlist);
            Some(made.map(|index| Box::new(index) as _))
        },
    },
    Kind {
        descriptions: "\"IVF1024,SQ8\" of f32 (or SQ6, SQ4, SQfp16, SQbf16, SQ8_direct...; SQ8_rows of rows and not of residuals)",
        make: |gpu, dim, description, metric, dtype| {
            // what is wrong with it was said before
            let (nlist, codes) = ivf::lists_of(description)?.ok()?;
            let of = codes?.scalar()?;
            coded(description, dtype, || IvfSq::described(gpu, dim, metric, nlist, of))
        },
    },
    Kind {
        descriptions: "\"IVF1024,PQ16\" of f32 (or PQ16x4: any number of parts, of 4 to 8 bits)",
        make: |gpu, dim, description, metric, dtype| {
            let (nlist, codes) = ivf::lists_of(description)?.ok()?;
            let Some(CodeName::Product(parts, bits)) = codes else { return None };
            coded(description, dtype, || IvfPq::new(gpu, dim, metric.clone(), nlist, parts, bits))
        },
    },
    Kind {
        descriptions: "\"RaBitQ\" of f32 (or RaBitQ4: of 1 to 9 bits)",
        make: |gpu, dim, description, metric, dtype| {
            let Some(CodeName::RaBitQ(bits)) = CodeName::of(description) else { return None };
            coded(description, dtype, || RaBitQ::new(gpu, dim, metric.clone(), bits))
        },
    },
    Kind {
        descriptions: "\"IVF1024,RaBitQ\" of f32 (or RaBitQ4: of 1 to 9 bits)",
        make: |gpu, dim, description, metric, dtype| {
            let (nlist, codes) = ivf::lists_of(description)?.ok()?;
            let Some(CodeName::RaBitQ(bits)) = codes else { return None };
            coded(description, dtype, || IvfRaBitQ::new(gpu, dim, metric.clone(), nlist, bits))
        },
    },
    Kind {
        descriptions: "\"LSH64rt\" of f32 (any number of bits, rotated or not, with thresholds or without)",
        make: |gpu, dim, description, metric, dtype| {
            let signs = match signs_of(description)? {
                Ok(signs) => signs,
                Err(error) => return Some(Err(error)),
            };
            coded(description, dtype, || Lsh::described(gpu, dim, signs, metric))
        },
    },
];

/// An index of codes, which are made of f32 alone.
fn coded<I: Index + 'static>(
    description: &str,
    dtype: DType,
    make: impl FnOnce() -> Result<I>,
) -> Option<Made> {
    if dtype != DType::F32 {
        let item = format!("rows of {dtype}, which are f32 before they are encoded");
        return Some(Err(Error::unsupported(format!("{description:?}"), item)));
    }
    Some(make().map(|index| Box::new(index) as _))
}

/// An empty index by its description in FAISS's language.
///
/// | description | index |
/// |---|---|
/// | `Flat` | [`Flat`]; of bits [`BinaryFlat`] |
/// | `BFlat` | [`BinaryFlat`] |
/// | `SQ8`, `SQ6`, `SQ4`, `SQfp16`, `SQbf16`, `SQ8_direct` | [`Sq`]; also `SQ8_direct_signed`, `SQ8_uniform`, `SQ6_uniform`, `SQ4_uniform` |
/// | `PQ16`, `PQ16x4` | [`Pq`] of 16 parts of 8 bits, or of 4; `PQ16x4fs` and `PQ16np` are the same codes |
/// | `IVF4096,Flat`, `IVF4k,Flat` | [`IvfFlat`] of 4096 lists; `k` is 1024, `M` 1024 of those |
/// | `IVF4096_HNSW32,Flat` | the same: FAISS finds the nearest lists by a graph of the centroids, and here these are all compared, which finds no worse ones. So with every index of lists; the number of links says nothing |
/// | `CAGRA64` | [`Graph`] of 64 edges a row |
/// | `HNSW32`, `HNSW32,Flat`, `HNSW` | [`Hnsw`] of 32 links a node, of rows as they are |
/// | `BIVF4096`, `BIVF4k` | [`BinaryIvf`] of 4096 lists of bits |
/// | `IVF1024,SQ8`, `SQ6`, `SQ4`, `SQfp16`, `SQbf16`, `SQ8_direct` | [`IvfSq`] of 1024 lists, of any code of [`Sq`], [of residuals](IvfSq::with_residuals) as FAISS's factory has it; `SQ8_direct` and `SQ8_direct_signed` of rows, as whole numbers less a centroid are none |
/// | `IVF1024,SQ8_rows`, `IVF1024,SQ8_direct_residual` | the same of rows, or of residuals: `_rows` and `_residual` stand behind any code of [`Sq`] in lists, which FAISS sets by `index.by_residual` |
/// | `IVF1024,PQ16`, `IVF1024,PQ16x4` | [`IvfPq`] of 1024 lists, of any code of [`Pq`] |
/// | `RaBitQ`, `RaBitQ4` | [`RaBitQ`] of 1 bit an element, or of 4 (1 to 9); it wants a rotation, `RR,RaBitQ`. Searches read queries in f32, where FAISS rounds them to 4 bits: [`RaBitQ::set_query_bits`] |
/// | `IVF1024,RaBitQ`, `IVF1024,RaBitQ4` | [`IvfRaBitQ`] of 1024 lists, of any code of [`RaBitQ`]: `RR,IVF1024,RaBitQ` |
/// | `LSH`, `LSH64`, `LSH256r`, `LSH64t`, `LSH256rt` | [`Lsh`] under L2: signs of each element, or of 64; `r` of a random rotation, `t` with thresholds at medians |
/// | `PCA32,...`, `PCAR32`, `PCAW32`, `PCAWR32` | [`PreTransform`]: what is left, of 32 principal components; `R` turned at random, `W` of the same variance |
/// | `OPQ16,...`, `OPQ16_64,...` | [`PreTransform`] by a rotation for a product quantizer of 16 parts, to as many elements or to 64 |
/// | `ITQ,...`, `ITQ32,...` | [`PreTransform`] by iterative quantization, of all elements or of 32 components |
/// | `RR,...`, `RR64,...`, `HR,...` | [`PreTransform`] by a random rotation, to as many elements or to 64; by Hadamard's matrix, whose number, as in `HR7`, is the seed |
/// | `L2norm,...`, `Center,...`, `Pad128,...` | [`PreTransform`] to rows of length 1, less their mean, of 128 elements |
/// | `...,RFlat`, `...,Refine(Flat)`, `...,Refine(SQ8)` | [`Refine`]: candidates of what stands before, compared again by the rows, or by finer codes, any of [`Sq`] or [`Pq`]; of rows of other types than f32 codes are made of f32 |
/// | `IDMap,...`, `IDMap2,...`, `...,IDMap`, `...,IDMap2` | what is left: every index takes ids of one's own |
///
/// Transforms stand first and are applied from left to right: `L2norm,PCA32,IVF1024,SQ8`.
///
/// # Errors
/// `Unsupported`, with the descriptions that are known, or the part of one that is not and what is expected there; what the index's own constructor returns.
///
/// # Example
/// ```no_run
/// use nearfield::{DType, Gpu, Metric, index_factory};
/// let gpu = Gpu::new()?;
/// let index = index_factory(&gpu, 128, "Flat", Metric::Cosine, DType::F16)?;
/// assert!(index.is_empty());
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn index_factory(
    gpu: &Gpu,
    dim: usize,
    description: &str,
    metric: Metric,
    dtype: DType,
) -> Result<Box<dyn Index>> {
    let left = without_ids(description);
    let Some((base, refine)) = refined_by(left)? else {
        return of_one_stage(gpu, dim, (left, description), &metric, dtype);
    };
    let rows = of_one_stage(gpu, dim, (refine, description), &metric, dtype)?;
    let made = |dtype| of_one_stage(gpu, dim, (without_ids(base), description), &metric, dtype);
    let base = match made(dtype) {
        // codes are of f32, which hold what every other type does
        Err(Error::Unsupported { .. }) if !matches!(dtype, DType::F32 | DType::Bits) => {
            made(DType::F32)?
        }
        made => made?,
    };
    Ok(Box::new(Refine::new(base, rows)?))
}

/// The index of a description, or of a part of one, that compares no candidates again.
fn of_one_stage(
    gpu: &Gpu,
    dim: usize,
    (left, description): (&str, &str),
    metric: &Metric,
    dtype: DType,
) -> Made {
    let (transforms, rest) = transforms_of(left, dim)?;
    let Some(last) = transforms.last() else {
        return within(gpu, dim, (rest, description), metric, dtype);
    };
    if dtype != DType::F32 {
        let item = format!("rows of {dtype}, which are f32 before they are transformed");
        return Err(Error::unsupported(format!("{description:?}"), item));
    }
    let index = within(gpu, last.dim_out(), (without_ids(rest), description), metric, dtype)?;
    Ok(Box::new(PreTransform::new(gpu, transforms, index)?))
}

/// The index of what is left of a description behind its transforms.
fn within(
    gpu: &Gpu,
    dim: usize,
    (left, description): (&str, &str),
    metric: &Metric,
    dtype: DType,
) -> Made {
    let made = KINDS.iter().find_map(|kind| (kind.make)(gpu, dim, left, metric, dtype));
    made.unwrap_or_else(|| {
        let known: Vec<_> = KINDS.iter().map(|kind| kind.descriptions).collect();
        let within = if left == description { String::new() } else { format!("{left:?} in ") };
        let item = format!(
            "{within}{description:?} of {dtype}; the indexes of this version are {}, and each of these of f32 behind transforms, as \"PCA32,Flat\", or before \",RFlat\"",
            known.join(", ")
        );
        Err(Error::unsupported("index_factory", item))
    })
}

/// What is left of a description without the ids of one's own, which stand at one of its ends.
fn without_ids(description: &str) -> &str {
    let before = ["IDMap,", "IDMap2,"].iter().find_map(|id| description.strip_prefix(id));
    let behind = [",IDMap", ",IDMap2"].iter().find_map(|id| description.strip_suffix(id));
    before.or(behind).unwrap_or(description)
}

/// Reads what [`Index::write`] wrote, whatever kind of index it was.
pub(crate) fn read_own(gpu: &Gpu, path: &Path) -> Result<Box<dyn Index>> {
    persist::open(path)?.whole(|reader| read_any(gpu, reader))
}

/// Writes an index to a file for [`read_index`](crate::read_index): [`Index::write`], with any kind of path.
///
/// # Errors
/// As [`Index::write`].
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, Index, Metric, read_index, write_index};
/// let gpu = Gpu::new()?;
/// let index = Flat::new(&gpu, 2, Metric::L2)?;
/// index.add(&[0.0, 0.0, 3.0, 4.0])?;
/// write_index(&index, "vectors.nf")?;
/// let again: Box<dyn Index> = read_index(&gpu, "vectors.nf")?;
/// write_index(&*again, std::env::temp_dir().join("copy.nf"))?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("save", "save_index"))]
pub fn write_index(index: &dyn Index, path: impl AsRef<Path>) -> Result<()> {
    index.write(path.as_ref())
}
