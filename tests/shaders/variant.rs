//! The kernels under test, parsed and validated once.

use std::sync::LazyLock;

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{CooperativeSize, Module, TypeInner};

/// One kernel with all its constants filled in.
#[derive(Clone)]
pub struct KernelVariant {
    /// Spells every constant.
    pub name: String,
    pub wgsl: String,
    /// Threads of a workgroup.
    pub workgroup_threads: u32,
    /// What it asks of an adapter: `subgroup`, `f16`, `coop8`, `coop16`, `int64`.
    pub needs: Vec<String>,
    /// Whether it must run within WebGPU's guaranteed limits.
    pub baseline: bool,
}

/// The need of a kernel for more workgroup memory than Apple has: a limit, not a feature.
pub const LARGE_WORKGROUP: &str = "workgroup48k";

/// Every variant that the crate can dispatch, and the fixtures, which test the checks themselves.
fn all_variants() -> Vec<KernelVariant> {
    let of_the_crate = nearfield::kernel_variants().expect("the registry expands");
    let convert = |v: nearfield::KernelVariant| KernelVariant {
        name: v.name,
        wgsl: v.wgsl,
        workgroup_threads: v.workgroup_threads,
        needs: v.needs,
        baseline: v.baseline,
    };
    of_the_crate.into_iter().map(convert).chain(fixtures()).collect()
}

pub fn variant(
    name: &str,
    wgsl: &str,
    threads: u32,
    needs: &[&str],
    baseline: bool,
) -> KernelVariant {
    let needs = needs.iter().map(|need| (*need).to_owned()).collect();
    KernelVariant {
        name: name.into(),
        wgsl: wgsl.into(),
        workgroup_threads: threads,
        needs,
        baseline,
    }
}

fn fixtures() -> Vec<KernelVariant> {
    let coop = include_str!("fixtures/scan_f16_coop.wgsl");
    let (coop8, coop16) = (coop.replace("SIZE", "8"), coop.replace("SIZE", "16"));
    let subgroup = include_str!("fixtures/select_subgroup.wgsl");
    vec![
        variant("fixture_distance_f32", include_str!("fixtures/distance_f32.wgsl"), 64, &[], true),
        variant("fixture_unpack_rows", include_str!("fixtures/unpack_rows.wgsl"), 256, &[], true),
        variant("fixture_functions", include_str!("fixtures/functions.wgsl"), 64, &[], true),
        variant("fixture_select_subgroup", subgroup, 128, &["subgroup"], false),
        variant(
            "fixture_convert_f16",
            include_str!("fixtures/convert_f16.wgsl"),
            256,
            &["f16"],
            false,
        ),
        variant("fixture_scan_f16_coop8", &coop8, 64, &["f16", "coop8"], false),
        variant("fixture_scan_f16_coop16", &coop16, 64, &["f16", "coop16"], false),
    ]
}

/// A variant with its module.
pub struct Kernel {
    pub variant: KernelVariant,
    pub module: Module,
    pub info: ModuleInfo,
    /// What its `needs` come to.
    pub capabilities: Capabilities,
}

impl Kernel {
    /// Parses and validates with exactly the capabilities that the variant asks for.
    pub fn new(variant: KernelVariant) -> Result<Self, String> {
        let name = &variant.name;
        let module = naga::front::wgsl::parse_str(&variant.wgsl)
            .map_err(|e| format!("{name}: {}", e.emit_to_string(&variant.wgsl)))?;
        let capabilities = capabilities(&variant)?;
        let info = Validator::new(ValidationFlags::all(), capabilities)
            .validate(&module)
            .map_err(|e| format!("{name}: {}", e.emit_to_string(&variant.wgsl)))?;
        if module.entry_points.len() != 1 {
            return Err(format!("{name}: {} entry points", module.entry_points.len()));
        }
        Ok(Kernel { variant, module, info, capabilities })
    }

    /// Needs that it could do without: they would keep it from adapters that can run it.
    pub fn idle_needs(&self) -> Vec<String> {
        let idle = |need: &&String| {
            let rest = self.variant.needs.iter().filter(|other| other != need).cloned().collect();
            let fewer = KernelVariant { needs: rest, ..self.variant.clone() };
            capabilities(&fewer).is_ok_and(|capabilities| {
                Validator::new(ValidationFlags::all(), capabilities).validate(&self.module).is_ok()
            })
        };
        let features = self.variant.needs.iter().filter(|need| *need != LARGE_WORKGROUP);
        let needs = features.filter(idle);
        needs.map(|need| format!("{}: does not use {need}", self.name())).collect()
    }

    pub fn name(&self) -> &str {
        &self.variant.name
    }

    /// Whether it names a cooperative matrix, of 16 x 16 where that is asked.
    pub fn uses_matrix(&self, sixteen_only: bool) -> bool {
        self.module.types.iter().any(|(_, ty)| match ty.inner {
            TypeInner::CooperativeMatrix { columns, .. } => {
                !sixteen_only || columns == CooperativeSize::Sixteen
            }
            _ => false,
        })
    }
}

fn capabilities(variant: &KernelVariant) -> Result<Capabilities, String> {
    // `unpack2x16float` is core WebGPU; naga has a bit for it because of old GLES.
    let mut capabilities = Capabilities::IMMEDIATES | Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    for need in &variant.needs {
        capabilities |= match need.as_str() {
            "subgroup" => Capabilities::SUBGROUP,
            "f16" => Capabilities::SHADER_FLOAT16,
            "int64" => Capabilities::SHADER_INT64,
            "coop8" | "coop16" => Capabilities::COOPERATIVE_MATRIX,
            LARGE_WORKGROUP => Capabilities::empty(),
            other => {
                return Err(format!("{}: needs {other}, which has no meaning here", variant.name));
            }
        };
    }
    Ok(capabilities)
}

/// All kernels; those that do not validate are reported by [`invalid`].
static COMPILED: LazyLock<Vec<Result<Kernel, String>>> =
    LazyLock::new(|| all_variants().into_iter().map(Kernel::new).collect());

pub fn kernels() -> impl Iterator<Item = &'static Kernel> {
    COMPILED.iter().filter_map(|kernel| kernel.as_ref().ok())
}

pub fn invalid() -> Vec<String> {
    COMPILED.iter().filter_map(|kernel| kernel.as_ref().err().cloned()).collect()
}
