//! What a file's extension says.

use super::element::Element;
use crate::dtype::DType;
use crate::error::{Error, Result};
use std::path::Path;

/// A family of layouts, and the elements that the extension fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Npy,
    Vecs(Element),
    Bin(Element),
}

const EXTENSIONS: [(&str, Container); 9] = [
    ("npy", Container::Npy),
    ("fvecs", Container::Vecs(Element::F32)),
    ("bvecs", Container::Vecs(Element::U8)),
    ("ivecs", Container::Vecs(Element::I32)),
    ("fbin", Container::Bin(Element::F32)),
    ("f16bin", Container::Bin(Element::F16)),
    ("u8bin", Container::Bin(Element::U8)),
    ("i8bin", Container::Bin(Element::I8)),
    ("ibin", Container::Bin(Element::I32)),
];

/// What to do with files of other kinds that vectors come in.
const OTHERS: [(&[&str], &str); 7] = [
    (&["npz"], "an .npz is an archive of .npy files: unzip it, or save one array with numpy.save"),
    (&["gz", "bz2", "xz", "zst", "lz4", "zip", "tar", "tgz"], "unpack it first"),
    (&["h5", "hdf5"], "with h5py, numpy.save('base.npy', file['train'][:]) makes one"),
    (&["parquet", "arrow", "feather"], "numpy.save('base.npy', numpy.stack(column)) makes one"),
    (&["pt", "pth", "safetensors"], "numpy.save('base.npy', tensor.numpy()) makes one"),
    (
        &["csv", "tsv", "txt"],
        "numpy.save('base.npy', numpy.loadtxt(file, delimiter=',')) makes one",
    ),
    (&["bin"], "rename it by the type of its elements, such as base.fbin"),
];

impl Container {
    pub fn of(path: &Path) -> Result<Self> {
        Self::known(path).ok_or_else(|| {
            let (path_name, all) = (path.display(), list(|_| true));
            let more = Self::instead(path).map_or_else(String::new, |way| format!("; {way}"));
            Error::argument("path", format!("{path_name}: the extension is none of {all}{more}"))
        })
    }

    /// The one that the extension names, if any.
    pub fn known(path: &Path) -> Option<Self> {
        let extension = path.extension()?;
        let known = EXTENSIONS.iter().find(|(name, _)| extension.eq_ignore_ascii_case(name));
        known.map(|&(_, container)| container)
    }

    /// What makes a file that can be read of one that cannot, by its extension.
    pub fn instead(path: &Path) -> Option<&'static str> {
        let extension = path.extension()?;
        let is = |names: &[&str]| names.iter().any(|name| extension.eq_ignore_ascii_case(name));
        OTHERS.iter().find(|(names, _)| is(names)).map(|(_, way)| *way)
    }

    /// Its extension.
    pub fn name(self) -> &'static str {
        let known = EXTENSIONS.iter().find(|(_, container)| *container == self);
        known.map_or("", |(name, _)| name)
    }

    /// The one type of its elements, unless the file's header says.
    pub fn element(self) -> Option<Element> {
        match self {
            Container::Npy => None,
            Container::Vecs(element) | Container::Bin(element) => Some(element),
        }
    }

    pub fn holds(self, dtype: DType) -> bool {
        self.element().is_none_or(|element| element.stores(dtype))
    }

    pub fn holds_ids(self) -> bool {
        self.element().is_none_or(Element::is_id)
    }

    /// The error of writing `dtype` here: which extensions hold it.
    pub fn refuse(path: &Path, dtype: DType) -> Error {
        let fitting = list(|c| c.holds(dtype));
        let path = path.display();
        Error::argument("dtype", format!("{path} cannot hold {dtype}; these can: {fitting}"))
    }

    /// The error of writing ids here.
    pub fn refuse_ids(path: &Path) -> Error {
        let fitting = list(Container::holds_ids);
        Error::argument("path", format!("{} cannot hold ids; these can: {fitting}", path.display()))
    }
}

fn list(fits: impl Fn(Container) -> bool) -> String {
    let names = EXTENSIONS.iter().filter(|(_, c)| fits(*c)).map(|(name, _)| format!(".{name}"));
    names.collect::<Vec<_>>().join(", ")
}
