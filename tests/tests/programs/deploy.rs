//! What is in `deploy/`: that the files fit the program and each other; and the container image, built and started where a
//! container engine works.
//!
//! `REQUIRE_CONTAINER=1` makes a missing engine a failure, `REQUIRE_CONTAINER=0` leaves the image out (`.ci/run` says which,
//! by whether there is one); otherwise the image's test shows as ignored.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("deploy::what_the_dockerfiles_copy_exists", what_the_dockerfiles_copy_exists),
        Trial::test("deploy::both_dockerfiles_make_the_same_image", both_dockerfiles_make_the_same_image),
        Trial::test("deploy::the_program_takes_the_images_commands", the_program_takes_the_images_commands),
        Trial::test("deploy::compose_fits_the_image", compose_fits_the_image),
    ];
    let required = std::env::var("REQUIRE_CONTAINER").unwrap_or_default();
    match Engine::find() {
        Ok(engine) => {
            trials.push(Trial::test("deploy::the_image_starts_and_is_healthy", move || engine.image_starts()))
        }
        Err(why) if required == "0" => eprintln!("container image: NOT built or started here: {why}"),
        Err(why) => {
            let trial = Trial::test("deploy::the_image_starts_and_is_healthy", move || Err(why.into()));
            trials.push(trial.with_ignored_flag(required != "1"));
        }
    }
    trials
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> Result<String, Failed> {
    std::fs::read_to_string(top().join("deploy").join(name)).map_err(|error| format!("{name}: {error}").into())
}

/// The instructions of a Dockerfile with their arguments; continued lines joined.
fn instructions(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let split = lines.filter_map(|line| line.split_once(' '));
    split.map(|(name, rest)| (name.to_owned(), rest.trim().to_owned())).collect()
}

/// The instructions from the last FROM on.
fn final_stage(text: &str) -> Vec<(String, String)> {
    let all = instructions(text);
    let from = all.iter().rposition(|(name, _)| name == "FROM").unwrap_or(0);
    all.into_iter().skip(from).collect()
}

/// The value of an instruction of the final stage.
fn value(text: &str, name: &str) -> Result<String, Failed> {
    let found = final_stage(text).into_iter().find(|(instruction, _)| instruction == name);
    found.map(|(_, value)| value).ok_or_else(|| format!("no {name}").into())
}

fn what_the_dockerfiles_copy_exists() -> Result<(), Failed> {
    let text = read("Dockerfile")?;
    let ignored = std::fs::read_to_string(top().join(".dockerignore"))?;
    let mut seen = 0;
    for (_, arguments) in instructions(&text).iter().filter(|(name, _)| name == "COPY") {
        if arguments.starts_with("--from") {
            continue;
        }
        let mut words: Vec<_> = arguments.split_whitespace().collect();
        words.pop();
        for source in words {
            seen += 1;
            assert!(top().join(source).exists(), "COPY {source}: not there");
            assert!(ignored.lines().any(|line| line == format!("!{source}")), "{source} is left out by .dockerignore");
        }
    }
    assert!(seen >= 7, "{seen} sources");
    // All that the workspace names is copied, or cargo would not read it.
    let workspace = std::fs::read_to_string(top().join("Cargo.toml"))?;
    let members = workspace.lines().find(|line| line.starts_with("members")).ok_or("members")?;
    for member in members.split('"').skip(1).step_by(2) {
        let directory = member.split('/').next().unwrap_or_default();
        assert!(text.contains(&format!("COPY {directory} {directory}\n")), "{member} is not copied");
    }
    // The compiler is the one that the workspace asks for.
    let version = workspace.lines().find_map(|line| line.strip_prefix("rust-version = ")).ok_or("rust-version")?;
    assert!(text.contains(&format!("/rust:{}-", version.trim_matches('"'))), "another Rust than {version}");
    // What build-image puts into the context is what the other one copies.
    let (script, binary) = (read("build-image")?, read("Dockerfile.binary")?);
    for (_, arguments) in instructions(&binary).iter().filter(|(name, _)| name == "COPY") {
        let source = arguments.split_whitespace().find(|word| !word.starts_with("--")).ok_or("a source")?;
        assert!(script.contains(&format!("\"$context/{source}\"")), "build-image makes no {source}");
    }
    Ok(())
}

fn both_dockerfiles_make_the_same_image() -> Result<(), Failed> {
    let stages = [read("Dockerfile")?, read("Dockerfile.binary")?].map(|text| final_stage(&text));
    let settings = stages.map(|stage| stage.into_iter().filter(|(name, _)| name != "COPY").collect::<Vec<_>>());
    assert_eq!(settings[0], settings[1]);
    assert_eq!(settings[0][0], ("FROM".to_owned(), "scratch".to_owned()));
    let user = value(&read("Dockerfile")?, "USER")?;
    let mut numbers = user.split(':').map(str::parse::<u32>);
    assert!(numbers.all(|id| id.is_ok_and(|id| id > 0)), "{user}: there is no /etc/passwd, and it isn't root");
    Ok(())
}

/// The words of the JSON form of an instruction.
fn words(text: &str) -> Result<Vec<String>, Failed> {
    let json = text.find('[').map(|at| &text[at..]).ok_or("the JSON form")?;
    Ok(serde_json::from_str(json)?)
}

fn the_program_takes_the_images_commands() -> Result<(), Failed> {
    let text = read("Dockerfile")?;
    let variable = value(&text, "ENV")?;
    let (name, path) = variable.split_once('=').ok_or("NAME=VALUE")?;
    let (entry, start) = (words(&value(&text, "ENTRYPOINT")?)?, words(&value(&text, "CMD")?)?);
    let health = words(&value(&text, "HEALTHCHECK")?)?;
    assert_eq!(entry[0], health[0]);
    for command in [&start[..], &health[1..]] {
        // The file isn't there: getting as far as that means that the arguments and the variable were understood.
        let mut gateway = Command::new(env!("CARGO_BIN_EXE_gateway-under-test"));
        let output = gateway.args(command).env(name, "/nonexistent/gateway.toml").output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {error}");
        assert!(error.contains("/nonexistent/gateway.toml"), "{command:?}: {error}");
    }
    // The example for users is where the image looks for it, and its files are in the same directory.
    let directory = Path::new(path).parent().ok_or("a directory")?.display().to_string();
    let example = read("gateway.example.toml")?;
    assert!(example.contains(&format!("certificate_file = \"{directory}/")), "{directory}");
    let volume = words(&value(&text, "VOLUME")?)?;
    assert!(example.contains(&format!("directory = \"{}\"", volume[0])), "{volume:?}");
    Ok(())
}

fn compose_fits_the_image() -> Result<(), Failed> {
    let (compose, docker) = (read("compose.yaml")?, read("Dockerfile")?);
    let lines: Vec<_> = compose.lines().map(|line| line.trim().trim_start_matches("- ")).collect();
    for port in value(&docker, "EXPOSE")?.split_whitespace() {
        assert!(lines.contains(&format!("\"{port}:{port}\"").as_str()), "port {port} is not published");
        assert!(read("gateway.example.toml")?.contains(&format!(":{port}\"")), "nobody listens on {port}");
    }
    let volume = words(&value(&docker, "VOLUME")?)?;
    assert!(lines.contains(&format!("ledger:{}", volume[0]).as_str()), "no volume with a name at {volume:?}");
    assert!(lines.contains(&"dockerfile: deploy/Dockerfile"));
    assert!(lines.contains(&"read_only: true") && lines.contains(&"/tmp:mode=1777"), "large messages need a place");
    assert!(!compose.contains('\t'), "YAML takes no tabs");
    Ok(())
}

/// A container engine that works, and the static binary to put into the image.
struct Engine {
    name: &'static str,
    binary: PathBuf,
}

impl Engine {
    /// The first engine that works; or why none does.
    fn find() -> Result<Self, String> {
        let works = |arguments: &[&str]| {
            let run = Command::new(arguments[0]).args(&arguments[1..]).output();
            run.is_ok_and(|output| output.status.success())
        };
        let engines = [["docker", "info"], ["podman", "info"], ["buildah", "images"]];
        let name = engines.iter().find(|arguments| works(&arguments[..])).map(|arguments| arguments[0]);
        let name = name.ok_or("neither docker nor podman nor buildah works")?;
        if let Some(binary) = std::env::var_os("MAPI_GATEWAY_STATIC") {
            return Ok(Self { name, binary: binary.into() });
        }
        let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        let library = Command::new("rustc").args(["--print", "target-libdir", "--target", &target]).output();
        let library =
            library.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
        if library.is_empty() || !Path::new(&library).exists() || !works(&["musl-gcc", "--version"]) {
            return Err(format!("{name} works, but there is no Rust target {target} or no musl-gcc"));
        }
        // Cargo puts this test into <target directory>/debug/deps.
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let directory = program.ancestors().nth(3).ok_or("a target directory")?;
        Ok(Self { name, binary: directory.join(target).join("debug/mapi-gateway") })
    }

    fn image_starts(&self) -> Result<(), Failed> {
        self.build_binary()?;
        let image = Image { engine: self.name, tag: format!("mapi-gateway-test-{}", std::process::id()) };
        let script = top().join("deploy/build-image");
        run(Command::new(script).args(["--engine", self.name, "--tag", &image.tag]).arg(&self.binary))?;
        let directory = tempfile::tempdir()?;
        self.start(&image.tag, directory.path())
    }

    fn build_binary(&self) -> Result<(), Failed> {
        if std::env::var_os("MAPI_GATEWAY_STATIC").is_some() {
            return Ok(());
        }
        let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        let directory = self.binary.ancestors().nth(3).ok_or("a target directory")?;
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--package", "gateway", "--target", &target]);
        cargo.args(["--no-default-features", "--features", "conformance"]);
        run(cargo.arg("--manifest-path").arg(top().join("Cargo.toml")).arg("--target-dir").arg(directory)).map(drop)
    }

    /// Starts a container with a configuration and a ledger, and asks it until it is healthy.
    fn start(&self, tag: &str, directory: &Path) -> Result<(), Failed> {
        use std::os::unix::fs::PermissionsExt;
        // The container's user is another one than the test's.
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?;
        // Another port than anybody has: with buildah, the container is in this machine's network.
        let port = || Ok::<_, std::io::Error>(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port());
        let text = format!(
            "[upstream]\ndomains = [\"example.test\"]\n\
             [[imap.listener]]\naddress = \"0.0.0.0:{}\"\ntls = \"none\"\n\
             [[smtp.listener]]\naddress = \"0.0.0.0:{}\"\ntls = \"none\"\n",
            port()?,
            port()?
        );
        std::fs::write(directory.join("gateway.toml"), text)?;
        let mount = format!("{}:/etc/mapi-gateway:ro", directory.display());
        let mut container = Container::start(self.name, tag, &mount)?;
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let asked = container.exec(&["health"])?;
            if asked.status.success() {
                break;
            }
            assert!(Instant::now() < deadline, "{}", String::from_utf8_lossy(&asked.stderr));
            std::thread::sleep(Duration::from_millis(300));
        }
        // It is its own user, and can write where its ledger and large messages will be.
        let checked = container.exec(&["check", "--json", "--user", "alice@elsewhere.test"])?;
        let report: serde_json::Value = serde_json::from_slice(&checked.stdout)?;
        let step = |name: &str| {
            let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
            steps.iter().find(|step| step["name"] == name).cloned().unwrap_or_default()
        };
        assert_eq!(step("configuration")["status"], "ok", "{report:#}");
        assert_ne!(step("ledger storage")["status"], "failed", "{report:#}");
        assert_eq!(step("spool")["status"], "ok", "{report:#}");
        container.stop()
    }
}

/// An image; it is removed when this is dropped.
struct Image {
    engine: &'static str,
    tag: String,
}

impl Drop for Image {
    fn drop(&mut self) {
        let arguments: &[&str] = if self.engine == "buildah" { &["rmi", "-f"] } else { &["image", "rm", "-f"] };
        let _ = Command::new(self.engine).args(arguments).arg(&self.tag).output();
    }
}

/// A container that runs; it is removed when this is dropped.
struct Container {
    engine: &'static str,
    name: String,
    mount: String,
    process: Option<Child>,
}

impl Container {
    fn start(engine: &'static str, tag: &str, mount: &str) -> Result<Self, Failed> {
        let mut container = Self { engine, name: format!("{tag}-1"), mount: mount.to_owned(), process: None };
        if engine == "buildah" {
            run(Command::new(engine).args(["from", "--name", &container.name, tag]))?;
            let mut command = container.within(&["run"]);
            container.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        } else {
            let limits = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
            let named = ["--name", &container.name, "--volume", mount, tag];
            run(Command::new(engine).args(["run", "--detach"]).args(limits).args(named))?;
        }
        Ok(container)
    }

    /// The program within the container's files. buildah has no `exec`: the second process shares nothing but these.
    fn within(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.engine);
        if self.engine == "buildah" {
            let with = ["--isolation", "chroot", "--env", "MAPI_GATEWAY_PASSWORD=none", "--volume", &self.mount];
            command.arg("run").args(with).args([&self.name, "--"]);
        } else {
            command.args(["exec", "--env", "MAPI_GATEWAY_PASSWORD=none", &self.name]);
        }
        command.arg("/mapi-gateway").args(arguments).stdin(Stdio::null());
        command
    }

    fn exec(&self, arguments: &[&str]) -> Result<Output, Failed> {
        Ok(self.within(arguments).output()?)
    }

    /// Asks it to end, and waits until it has.
    fn stop(&mut self) -> Result<(), Failed> {
        match &mut self.process {
            // SIGTERM, which buildah passes on.
            Some(process) => {
                run(Command::new("kill").arg(process.id().to_string()))?;
                process.wait()?;
            }
            None => {
                run(Command::new(self.engine).args(["stop", &self.name]))?;
                let format = ["inspect", "--format", "{{.State.ExitCode}}", &self.name];
                let output = run(Command::new(self.engine).args(format))?;
                assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0", "it was killed");
            }
        }
        Ok(())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let arguments: &[&str] = if self.engine == "buildah" { &["rm"] } else { &["rm", "--force", "--volumes"] };
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = Command::new(self.engine).args(arguments).arg(&self.name).output();
    }
}

fn run(command: &mut Command) -> Result<Output, Failed> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{command:?}: {}\n{out}\n{err}", output.status).into())
}
