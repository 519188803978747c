//! Real backends on this machine: installed into a cache, started on free ports of loopback, ended again.
//!
//! What runs stands in a file of the cache, so that other commands find it.

mod kcp; // the control plane
mod openfga; // the relationship server
mod postgres; // the same, with PostgreSQL below it

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{
    process::workspace,
    report::{Cell, Report},
};

/// A server that we can install and run.
struct Backend {
    name: &'static str,
    /// What is installed, with its version.
    pin: &'static str,
    /// The program, once it is installed.
    program: fn() -> PathBuf,
    install: fn() -> Result<()>,
    /// The command that runs it with data in a folder, and the addresses it will have.
    start: fn(&Path) -> Result<Start>,
}

/// A server about to be started.
struct Start {
    command: Command,
    /// Addresses by name, as other commands ask for them.
    addresses: Vec<(&'static str, String)>,
    ready: Ready,
    /// What it needs and that was started before it; ended after it.
    companions: Vec<Child>,
}

/// How to see that a server is ready: a path that answers 200.
#[derive(Clone, Copy)]
enum Ready {
    /// At the address `http`, in the clear.
    Http(&'static str),
    /// At the address `https`, with a certificate that the server made for itself.
    Https(&'static str),
}

const BACKENDS: [Backend; 3] = [kcp::BACKEND, openfga::BACKEND, postgres::BACKEND];

/// How long a server may take until it is ready.
const READY: Duration = Duration::from_secs(120);

/// Where backends are kept: `MESH_BACKENDS`, or below the target folder.
fn cache() -> PathBuf {
    let below_target = || {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        target.unwrap_or_else(|| workspace().join("target")).join("backends")
    };
    std::env::var_os("MESH_BACKENDS").map_or_else(below_target, PathBuf::from)
}

/// The backends of a command line; all of them where none is named.
fn chosen(names: &[&str]) -> Result<Vec<&'static Backend>> {
    if names.is_empty() {
        return Ok(BACKENDS.iter().collect());
    }
    let find = |name: &&str| {
        let known: Vec<&str> = BACKENDS.iter().map(|backend| backend.name).collect();
        let found = BACKENDS.iter().find(|backend| backend.name == *name);
        found.with_context(|| format!("`{name}` is no backend; there are: {}", known.join(", ")))
    };
    names.iter().map(find).collect()
}

/// Installs backends; those that are there are passed over.
pub fn install(names: &[&str]) -> Result<ExitCode> {
    let mut report = Report::new("backends");
    for backend in chosen(names)? {
        let begun = Instant::now();
        let cell = if (backend.program)().is_file() {
            Cell::Ok
        } else {
            println!("installing {}", backend.pin);
            match (backend.install)() {
                Ok(()) => Cell::Ok,
                Err(error) => Cell::Red(format!("{error:#}")),
            }
        };
        report.row(backend.name, cell, begun.elapsed());
    }
    Ok(report.close())
}

/// Starts backends and waits until they are ready; prints their addresses.
pub fn up(names: &[&str]) -> Result<ExitCode> {
    for backend in chosen(names)? {
        if let Some(running) = Running::read(backend) {
            running.print(backend);
            continue;
        }
        let program = (backend.program)();
        if !program.is_file() {
            bail!("{} is not installed: cargo xtask backends install {0}", backend.name);
        }
        let data = std::env::temp_dir().join(format!("mesh-backend-{}-{}", backend.name, std::process::id()));
        fs::create_dir_all(&data).with_context(|| format!("make {}", data.display()))?;
        let Start { mut command, addresses, ready, mut companions } = (backend.start)(&data)?;
        let log = data.join("log");
        let output = fs::File::create(&log).with_context(|| format!("make {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let started = command.spawn().with_context(|| format!("start {}", program.display()));
        let outcome = started.and_then(|mut child| {
            let companions = companions.iter().map(Child::id).collect();
            let running = Running { pid: child.id(), companions, data, addresses: named(&addresses) };
            wait(backend, &mut child, &running, ready).map(|()| running).inspect_err(|_| stop(&mut child))
        });
        // Nobody else would end them.
        let running = outcome.inspect_err(|_| companions.iter_mut().for_each(stop));
        let running = running.with_context(|| format!("its log is {}", log.display()))?;
        running.write(backend)?;
        running.print(backend);
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends a process that did not become what it should.
fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits until a server that was just started is ready.
fn wait(backend: &Backend, child: &mut Child, running: &Running, ready: Ready) -> Result<()> {
    let begun = Instant::now();
    while !running.is_ready(ready)? {
        if let Some(status) = child.try_wait()? {
            bail!("{} ended with {status}", backend.name);
        }
        if begun.elapsed() > READY {
            bail!("{} was not ready within {READY:?}", backend.name);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Ends backends that were started here, and removes their data.
pub fn down(names: &[&str]) -> Result<ExitCode> {
    for backend in chosen(names)? {
        match Running::read(backend) {
            Some(running) => {
                running.end(backend)?;
                println!("{}: ended", backend.name);
            }
            None => println!("{}: does not run", backend.name),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says which backends are installed, and where they run.
pub fn status(names: &[&str]) -> Result<ExitCode> {
    for backend in chosen(names)? {
        match (Running::read(backend), (backend.program)().is_file()) {
            (Some(running), _) => running.print(backend),
            (None, true) => println!("{}: installed ({})", backend.name, backend.pin),
            (None, false) => println!("{0}: not installed: cargo xtask backends install {0}", backend.name),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A backend that was started.
struct Running {
    pid: u32,
    companions: Vec<u32>,
    data: PathBuf,
    addresses: Vec<(String, String)>,
}

fn named(addresses: &[(&'static str, String)]) -> Vec<(String, String)> {
    addresses.iter().map(|(name, address)| ((*name).to_owned(), address.clone())).collect()
}

impl Running {
    fn file(backend: &Backend) -> PathBuf {
        cache().join(format!("{}.running", backend.name))
    }

    /// The backend, if it was started and still runs.
    fn read(backend: &Backend) -> Option<Self> {
        let text = fs::read_to_string(Self::file(backend)).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        let addresses = value["addresses"].as_object()?.iter();
        let addresses = addresses.map(|(name, at)| (name.clone(), at.as_str().unwrap_or_default().into()));
        let running = Self {
            pid: process(&value["pid"])?,
            companions: value["companions"].as_array().into_iter().flatten().filter_map(process).collect(),
            data: PathBuf::from(value["data"].as_str()?),
            addresses: addresses.collect(),
        };
        running.is_alive(backend).then_some(running)
    }

    /// Whether the process is still the one that was started.
    fn is_alive(&self, backend: &Backend) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let program = (backend.program)();
        line.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_encoded_bytes())
    }

    fn is_ready(&self, ready: Ready) -> Result<bool> {
        Ok(match ready {
            Ready::Http(path) => answers(&self.address("http"), path),
            Ready::Https(path) => answers_tls(&format!("https://{}{path}", self.address("https")))?,
        })
    }

    fn address(&self, name: &str) -> String {
        let found = self.addresses.iter().find(|(known, _)| known == name);
        found.map(|(_, address)| address.clone()).unwrap_or_default()
    }

    fn write(&self, backend: &Backend) -> Result<()> {
        let addresses: serde_json::Map<String, Value> =
            self.addresses.iter().map(|(name, at)| (name.clone(), at.as_str().into())).collect();
        let value = json!({
            "pid": self.pid,
            "companions": self.companions,
            "data": self.data,
            "addresses": addresses,
        });
        let file = Self::file(backend);
        fs::write(&file, format!("{value:#}\n")).with_context(|| format!("write {}", file.display()))
    }

    fn print(&self, backend: &Backend) {
        let addresses: Vec<String> =
            self.addresses.iter().map(|(name, address)| format!("{name} {address}")).collect();
        println!("{}: runs, process {}, {}", backend.name, self.pid, addresses.join(", "));
    }

    fn end(&self, backend: &Backend) -> Result<()> {
        end_process(backend, self.pid, || self.is_alive(backend))?;
        for pid in &self.companions {
            // Its files lie in our folder: what names it on its command line is what we started.
            let ours = self.data.as_os_str().as_encoded_bytes();
            let is_ours = || {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                line.windows(ours.len()).any(|part| part == ours)
            };
            if is_ours() {
                end_process(backend, *pid, is_ours)?;
            }
        }
        fs::remove_file(Self::file(backend)).context("forget what ran")?;
        fs::remove_dir_all(&self.data).with_context(|| format!("remove {}", self.data.display()))
    }
}

fn process(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// Asks a process to end, and waits until it has.
fn end_process(backend: &Backend, pid: u32, is_alive: impl Fn() -> bool) -> Result<()> {
    let status = Command::new("kill").arg(pid.to_string()).status().context("run `kill`")?;
    if !status.success() {
        bail!("{}: `kill {pid}` ended with {status}", backend.name);
    }
    let begun = Instant::now();
    while is_alive() {
        if begun.elapsed() > Duration::from_secs(20) {
            bail!("{}: process {pid} does not end", backend.name);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The address that a running backend has under a name.
pub fn address(backend: &str, name: &str) -> Option<String> {
    let backend = BACKENDS.iter().find(|known| known.name == backend)?;
    Some(Running::read(backend)?.address(name)).filter(|address| !address.is_empty())
}

/// Ports of loopback that are free now, each another one.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Whether an address answers 200. Who it is does not matter: it was started on a port that was free.
fn answers_tls(url: &str) -> Result<bool> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--insecure", "--max-time", "5", "--output", "/dev/null"]).arg(url);
    Ok(curl.status().context("run `curl`: it is needed to see when a server is ready")?.success())
}

/// Whether a plain HTTP address answers 200 on a path.
fn answers(address: &str, path: &str) -> bool {
    let Ok(address) = address.parse::<SocketAddr>() else { return false };
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    asked().is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}
