#!/usr/bin/env python3
"""Trains with two processes on two hosts that are network namespaces of this machine, and lets something happen to the cable between them.

    dotnet build -c Release src/PerturbedForgetting.Cli
    sudo python3 tools/two-hosts.py delay       # 50 ms each way: slower, and the same weights as without
    sudo python3 tools/two-hosts.py cut         # nothing comes through any more: both end with exit code 6, within the time they are given;
                                                # with the cable whole again the run goes on to the weights of one that nothing happened to
    sudo python3 tools/two-hosts.py unplug      # the interface goes down: likewise

Each with NCCL's stand-in on two software GPUs, or with --over mpi on CPUs, started by MPICH's mpirun (apt install mpich).

The cable is this program: it carries every frame from one end to the other, in its time or not at all. Needs Linux, root, iproute2.
"""
import argparse
import ctypes
import fcntl
import glob
import heapq
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

HOSTS = ("pf-first", "pf-second")
ADDRESSES = ("10.99.7.1", "10.99.7.2")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRAIN = ["--dataset", "builtin/shapes:train=64,val=16,size=16", "--img-size", "16", "-m", "resnet20", "-b", "4", "--epochs", "2",
         "--opt", "sam_sgdw", "--rho", "0.05", "--lr", "0.05", "--threads", "1", "-j", "0", "--recovery-interval", "2",
         "--checkpoint-hist", "1"]


def run(*command):
    subprocess.run(command, check=True)


def leave_nothing_to_the_card(name):
    """Has the host cut what it sends into frames and add their checksums, as `ethtool -K NAME tx off tso off gso off` does: there is no
    card that would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in (0x17, 0x1f, 0x24):
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", name.encode(), ctypes.addressof(value))
            fcntl.ioctl(any_socket, 0x8946, request)


class Cable:
    """Two interfaces of this machine, each the other end of one within a host."""

    def __init__(self, delay):
        self.delay = delay
        self.is_cut = False
        self.waiting = []
        self.count = 0
        self.ends = []
        for host, address in zip(HOSTS, ADDRESSES):
            end, inner = "cable-" + host[3:], host[3:] + "-eth"
            run("ip", "netns", "add", host)
            run("ip", "link", "add", end, "type", "veth", "peer", "name", inner)
            for name in (end, inner):
                leave_nothing_to_the_card(name)
            run("ip", "link", "set", inner, "netns", host)
            run("ip", "link", "set", end, "up")
            for step in (["link", "set", inner, "name", "eth0"], ["addr", "add", address + "/24", "dev", "eth0"],
                         ["link", "set", "eth0", "up"], ["link", "set", "lo", "up"]):
                run("ip", "netns", "exec", host, "ip", *step)
            carrier = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            carrier.bind((end, 0))
            carrier.setblocking(False)
            self.ends.append(carrier)

    def carry(self, seconds):
        """Carries frames for so long."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            due = self.waiting[0][0] - now if self.waiting else seconds
            ready, _, _ = select.select(self.ends, [], [], max(0, min(due, end - now)))
            for near in ready:
                frame, address = near.recvfrom(1 << 17)
                # Its own frames come back to whoever sent them.
                if address[2] != socket.PACKET_OUTGOING and not self.is_cut:
                    far = self.ends[1 - self.ends.index(near)]
                    self.count += 1
                    heapq.heappush(self.waiting, (time.monotonic() + self.delay, self.count, frame, far))
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, frame, far = heapq.heappop(self.waiting)
                try:
                    far.send(frame)
                except OSError as error:
                    print(f"a frame of {len(frame)} bytes is lost: {error}")

    def close(self):
        for carrier in self.ends:
            carrier.close()
        for host in HOSTS:
            subprocess.run(["ip", "link", "del", "cable-" + host[3:]], check=False)
            subprocess.run(["ip", "netns", "del", host], check=False)


def command(folder, timeout, experiment, device):
    program = os.path.join(ROOT, "src/PerturbedForgetting.Cli/bin/Release/net10.0/perturbed-forgetting.dll")
    return ["dotnet", program, "train", *TRAIN, "--device", device, "--output", folder, "--experiment", experiment,
            "--comm-timeout", str(timeout), "--resume", "auto"]


def start_each(folder, timeout, experiment):
    """Two processes that are told where to meet."""
    processes = []
    for rank in (0, 1):
        environment = dict(os.environ, RANK=str(rank), WORLD_SIZE="2", LOCAL_RANK="0", LOCAL_WORLD_SIZE="1", MASTER_ADDR=ADDRESSES[0],
                           MASTER_PORT="29500", PERTURBED_FORGETTING_TOKEN="two-hosts", NCCL_SOCKET_IFNAME="eth0")
        log = open(os.path.join(folder, f"{experiment}-{rank}.log"), "wb")
        processes.append(subprocess.Popen(["ip", "netns", "exec", HOSTS[rank], *command(folder, timeout, experiment, "sim")],
                                          env=environment, stdout=log, stderr=subprocess.STDOUT))
    return processes


def start_by_mpi(folder, timeout, experiment):
    """mpirun on the first host, which reaches the second as if by ssh. It never learns what became of a host that it cannot reach, and
    ends what it can when one ends: so each process says itself how it has ended."""
    ssh, program = os.path.join(folder, "ssh"), os.path.join(folder, "program")
    with open(ssh, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nwhile [ "$1" != {ADDRESSES[0]} -a "$1" != {ADDRESSES[1]} ]; do shift; done\n'
                   f'host={HOSTS[1]}; [ "$1" = {ADDRESSES[0]} ] && host={HOSTS[0]}\nshift; exec ip netns exec $host sh -c "$*"\n')
    with open(program, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\ntrap "" USR1\n"$@" > {folder}/{experiment}-$PMI_RANK.log 2>&1\necho $? > {folder}/{experiment}-$PMI_RANK\n')
    for script in (ssh, program):
        os.chmod(script, 0o755)
    return [subprocess.Popen(["ip", "netns", "exec", HOSTS[0], "mpirun.mpich", "-disable-auto-cleanup", "-launcher", "ssh",
                              "-launcher-exec", ssh, "-hosts", ",".join(ADDRESSES), "-np", "2", "-ppn", "1", program,
                              *command(folder, timeout, experiment, "cpu")], stdin=subprocess.DEVNULL)]


def ends(processes, folder, experiment):
    """Exit codes of both, as far as they have ended."""
    if len(processes) == 2:
        return [p.poll() for p in processes]
    codes = []
    for rank in (0, 1):
        try:
            with open(os.path.join(folder, f"{experiment}-{rank}"), encoding="utf-8") as file:
                codes.append(int(file.read()))
        except (FileNotFoundError, ValueError):
            codes.append(None)
    return codes


def forget_ends(folder):
    for path in glob.glob(os.path.join(folder, "cut-[01]")):
        os.remove(path)


def train(cable, start, folder, timeout, experiment, happens=None):
    """Trains; once there is a checkpoint, something happens. Exit codes, and seconds from then on."""
    processes = start(folder, timeout, experiment)
    began = time.monotonic()
    try:
        while None in (codes := ends(processes, folder, experiment)):
            cable.carry(0.2)
            if happens and glob.glob(os.path.join(folder, experiment, "recovery-0-*.state.safetensors")):
                happens()
                happens, began = None, time.monotonic()
            if time.monotonic() - began > 600:
                sys.exit(f"no end; see {folder}")
        return codes, time.monotonic() - began
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()


def weights(folder, experiment):
    """The tensors: what lies behind the header, which tells the names of the run."""
    with open(os.path.join(folder, experiment, "last.safetensors"), "rb") as file:
        file.seek(8 + int.from_bytes(file.read(8), "little"))
        return file.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["delay", "cut", "unplug"])
    parser.add_argument("--comm-timeout", type=float, default=5)
    parser.add_argument("--over", choices=["nccl", "mpi"], default="nccl")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="two-hosts-")
    start = start_by_mpi if options.over == "mpi" else start_each
    cable = Cable(0)
    try:
        if options.what == "delay":
            codes, plain = train(cable, start, folder, 60, "plain")
            cable.delay = 0.05
            slow_codes, slow = train(cable, start, folder, 60, "slow")
            good = codes == [0, 0] and slow_codes == [0, 0] and weights(folder, "plain") == weights(folder, "slow")
            print(f"without delay {plain:.1f} s, with 50 ms each way {slow:.1f} s, weights {'equal' if good else 'differ'}")
        else:
            def cut():
                if options.what == "cut":
                    cable.is_cut = True
                else:
                    run("ip", "netns", "exec", HOSTS[1], "ip", "link", "set", "eth0", "down")
            codes, seconds = train(cable, start, folder, options.comm_timeout, "cut", cut)
            print(f"exit codes {codes} {seconds:.1f} s after the cut, with --comm-timeout {options.comm_timeout:g}")
            good = codes == [6, 6] and seconds < 2 * options.comm_timeout + 40
            cable.is_cut = False
            run("ip", "netns", "exec", HOSTS[1], "ip", "link", "set", "eth0", "up")
            forget_ends(folder)
            ended = [train(cable, start, folder, 60, experiment)[0] for experiment in ("cut", "plain")]
            same = ended == [[0, 0], [0, 0]] and weights(folder, "cut") == weights(folder, "plain")
            good = good and same
            print(f"continued, and one without a cut: exit codes {ended}, weights {'equal' if same else 'differ'}")
        for name in sorted(n for n in os.listdir(folder) if n.endswith(".log")):
            with open(os.path.join(folder, name), encoding="utf-8") as log:
                print(f"-- {name}\n" + "".join(log.readlines()[-4:]).rstrip())
        print("good" if good else f"BAD; see {folder}")
        return 0 if good else 1
    finally:
        cable.close()


if __name__ == "__main__":
    sys.exit(main())
