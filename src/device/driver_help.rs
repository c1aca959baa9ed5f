//! What to install where no adapter answers: a line a system, and of the system that this is, its one command.

/// A Linux distribution, or what goes for it, and its command.
struct System {
    /// Its name, as the text has it.
    name: &'static str,
    /// What `ID` or `ID_LIKE` of /etc/os-release may be.
    ids: &'static [&'static str],
    /// Installs the loader and a driver that runs anywhere.
    command: &'static str,
    /// What it takes for GPUs.
    more: &'static str,
}

const NVIDIA: &str = "for NVIDIA, the driver's package that holds libnvidia-gl";

const SYSTEMS: [System; 5] = [
    System {
        name: "Debian, Ubuntu",
        ids: &["debian", "ubuntu"],
        command: "apt install mesa-vulkan-drivers libvulkan1",
        more: "",
    },
    System {
        name: "Fedora, RHEL",
        ids: &["fedora", "rhel", "centos"],
        command: "dnf install mesa-vulkan-drivers vulkan-loader",
        more: "",
    },
    System {
        name: "Arch",
        ids: &["arch"],
        command: "pacman -S vulkan-icd-loader vulkan-swrast",
        more: "vulkan-radeon, vulkan-intel or nvidia-utils for a GPU",
    },
    System {
        name: "Alpine",
        ids: &["alpine"],
        command: "apk add vulkan-loader mesa-vulkan-swrast",
        more: "mesa-vulkan-ati or mesa-vulkan-intel for a GPU",
    },
    System {
        name: "openSUSE",
        ids: &["opensuse", "suse", "sles"],
        command: "zypper install libvulkan1 libvulkan_lvp",
        more: "libvulkan_radeon or libvulkan_intel for a GPU",
    },
];

const CONTAINER: &str = "in a container, pass the GPU's device files in: --gpus all with NVIDIA_DRIVER_CAPABILITIES=all, or \
    --device /dev/dri";

/// How to get a driver on this system, in lines.
pub(super) fn text() -> String {
    let release = std::fs::read_to_string("/etc/os-release");
    let release = release.or_else(|_| std::fs::read_to_string("/usr/lib/os-release"));
    of(std::env::consts::OS, &release.unwrap_or_default())
}

/// The same for a system by its name in Rust and, of Linux, the content of its /etc/os-release.
fn of(os: &str, release: &str) -> String {
    let mut lines = vec!["a Vulkan, Metal or DX12 driver is needed".to_owned()];
    match os {
        "macos" => lines.extend([
            "macOS 10.15 or newer on a GPU with Metal, which this lists: system_profiler SPDisplaysDataType".to_owned(),
            "a virtual machine needs a paravirtual GPU".to_owned(),
        ]),
        "windows" => lines.extend([
            "Windows: the GPU vendor's current driver; this shows whether DirectX 12 is there: dxdiag".to_owned(),
            "in a remote session or a service the GPU may be hidden".to_owned(),
        ]),
        _ => {
            let fits = |id: &str| SYSTEMS.iter().find(|system| system.ids.contains(&id));
            match ids(release).iter().find_map(|id| fits(id)) {
                Some(system) => {
                    lines.push(format!("on this system: {}", system.command));
                    lines.push(match system.more {
                        "" => "that serves AMD, Intel, and any machine without a GPU, in software".into(),
                        more => format!("that serves any machine, in software; {more}"),
                    });
                }
                None => lines.extend(SYSTEMS.iter().map(|s| format!("{}: {}", s.name, s.command))),
            }
            lines.push(NVIDIA.to_owned());
            lines.push(CONTAINER.to_owned());
        }
    }
    lines.join("\n  ")
}

/// The distribution, and then those that it is like; the last ones may carry a version, as `opensuse-leap` does.
fn ids(release: &str) -> Vec<&str> {
    let value = |key: &str| {
        let line =
            release.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches(['"', '\''])
    };
    let all = value("ID").split_whitespace().chain(value("ID_LIKE").split_whitespace());
    all.flat_map(|id| [id, id.split('-').next().unwrap_or(id)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distribution_has_its_one_command() {
        for (release, command) in [
            ("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n", "apt install"),
            ("ID=ubuntu\nID_LIKE=debian\n", "apt install"),
            ("NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt install"),
            ("ID=fedora\n", "dnf install"),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "dnf install"),
            ("ID=arch\n", "pacman -S"),
            ("ID=manjaro\nID_LIKE=arch\n", "pacman -S"),
            ("VERSION_ID=3.20\nID=alpine\n", "apk add"),
            ("ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", "zypper install"),
            ("ID='opensuse-leap'\n", "zypper install"),
        ] {
            let text = of("linux", release);
            let commands: Vec<_> = SYSTEMS.iter().filter(|s| text.contains(s.command)).collect();
            assert_eq!(commands.len(), 1, "{release}: {text}");
            assert!(text.contains(&format!("\n  on this system: {command} ")), "{release}: {text}");
        }
    }

    #[test]
    fn an_unknown_linux_is_told_of_all() {
        for release in ["", "ID=gentoo\n", "VERSION_ID=debian\n", "# ID=debian\n"] {
            let text = of("linux", release);
            assert!(SYSTEMS.iter().all(|s| text.contains(s.command)), "{release}: {text}");
            assert!(!text.contains("on this system"), "{text}");
        }
    }

    #[test]
    fn other_systems_need_no_package_manager() {
        for (os, expected) in [("macos", "system_profiler"), ("windows", "dxdiag")] {
            let text = of(os, "ID=debian\n");
            assert!(text.contains(expected) && !text.contains("apt"), "{text}");
        }
        assert!(text().lines().count() >= 3);
    }
}
