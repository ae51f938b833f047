// What every kernel stands on: attributes, indices, barriers, vectors of 16 bytes. The same source goes through clang, with no CUDA
// toolkit and no system header, and through nvcc.
#pragma once

#if !defined(__CUDA_RUNTIME_H__)
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))

struct __attribute__((aligned(8))) float2 { float x, y; };
struct __attribute__((aligned(16))) float4 { float x, y, z, w; };
struct __attribute__((aligned(8))) uint2 { unsigned x, y; };
struct __attribute__((aligned(16))) uint4 { unsigned x, y, z, w; };
struct __attribute__((aligned(16))) double2 { double x, y; };
#endif

#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ __attribute__((always_inline)) inline
#define DEVICE_METHOD __device__ __attribute__((always_inline)) inline

/// An argument of a kernel whose numbers nobody writes while it runs: what it reads of them may come from a cache that does not see
/// writes (ld.global.nc), in any order with its own writes. Not for what may be the output, too.
template <typename T>
using Input = const T* __restrict__;

/// Bounds of a kernel that memory binds: 1024 threads of blocks of this size fit an SM, half of the 2048 that it holds (of 1536 on sm_86
/// and sm_89 two thirds), so that the assembler keeps to 64 registers a thread. Enough by Little's law: 3.35 TB/s (H100) times 600 ns are
/// 2 MB under way, 15 KB on each of 132 SMs, and 1024 threads that load 16 bytes each have 16 KB.
#define MEMORY_BOUND(threads) __launch_bounds__(threads, 1024 / (threads))

/// A source whose kernels are not needed together makes several PTX files. Each is a line `#define MODULE_file kernels`, for which CMake
/// compiles the source once more with -DMODULE=file; MODULE_KERNELS behind these lines are the kernels of that file.
#define MODULE_KERNELS KERNELS_OF(MODULE)
#define KERNELS_OF(module) MODULE_NAMED(module)
#define MODULE_NAMED(module) MODULE_##module

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

#define SPECIAL_REGISTER(name, ptx) \
    DEVICE unsigned name() { unsigned v; asm("mov.u32 %0, " ptx ";" : "=r"(v)); return v; }
SPECIAL_REGISTER(thread_x, "%%tid.x")
SPECIAL_REGISTER(thread_y, "%%tid.y")
SPECIAL_REGISTER(block_x, "%%ctaid.x")
SPECIAL_REGISTER(block_y, "%%ctaid.y")
SPECIAL_REGISTER(block_z, "%%ctaid.z")
SPECIAL_REGISTER(block_size, "%%ntid.x")
SPECIAL_REGISTER(block_size_y, "%%ntid.y")
SPECIAL_REGISTER(grid_size, "%%nctaid.x")
SPECIAL_REGISTER(grid_size_y, "%%nctaid.y")
SPECIAL_REGISTER(lane_index, "%%laneid")
#undef SPECIAL_REGISTER

/// Index of the thread among all threads of a one-dimensional grid, and their number: a grid-stride loop.
DEVICE long long global_index() { return (long long)block_x() * block_size() + thread_x(); }
DEVICE long long global_threads() { return (long long)grid_size() * block_size(); }

/// All threads of the block arrive before any goes on; what they wrote is visible.
DEVICE void barrier() { asm volatile("bar.sync 0;" ::: "memory"); }
DEVICE void warp_barrier() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }

/// 16 bytes at once; the address is a multiple of 16.
DEVICE float4 load4(const float* p) { return *(const float4*)p; }
DEVICE void store4(float* p, float4 v) { *(float4*)p = v; }

DEVICE unsigned bits_of(float x) { unsigned v; asm("mov.b32 %0, %1;" : "=r"(v) : "f"(x)); return v; }
DEVICE float float_of(unsigned bits) { float v; asm("mov.b32 %0, %1;" : "=f"(v) : "r"(bits)); return v; }
DEVICE unsigned long long bits_of(double x) { unsigned long long v; asm("mov.b64 %0, %1;" : "=l"(v) : "d"(x)); return v; }
DEVICE double double_of(unsigned long long bits) { double v; asm("mov.b64 %0, %1;" : "=d"(v) : "l"(bits)); return v; }

DEVICE float fused(float a, float b, float c) { float v; asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(v) : "f"(a), "f"(b), "f"(c)); return v; }
DEVICE double fused(double a, double b, double c)
{
    double v;
    asm("fma.rn.f64 %0, %1, %2, %3;" : "=d"(v) : "d"(a), "d"(b), "d"(c));
    return v;
}
DEVICE float square_root(float x) { float v; asm("sqrt.rn.f32 %0, %1;" : "=f"(v) : "f"(x)); return v; }
DEVICE double square_root(double x) { double v; asm("sqrt.rn.f64 %0, %1;" : "=d"(v) : "d"(x)); return v; }
DEVICE float magnitude(float x) { return float_of(bits_of(x) & 0x7fffffffu); }
DEVICE float largest(float a, float b) { float v; asm("max.f32 %0, %1, %2;" : "=f"(v) : "f"(a), "f"(b)); return v; }
/// NaN when one of them is.
DEVICE float largest_or_nan(float a, float b) { float v; asm("max.NaN.f32 %0, %1, %2;" : "=f"(v) : "f"(a), "f"(b)); return v; }
DEVICE bool is_finite(double x) { return (bits_of(x) >> 52 & 0x7ff) != 0x7ff; }

/// 8 or 16 bytes of global memory at once; as a structure, clang stores two floats one by one.
DEVICE void store_global(float* p, const float (&v)[2])
{
    asm volatile("st.global.v2.f32 [%0], {%1, %2};" :: "l"(p), "f"(v[0]), "f"(v[1]) : "memory");
}

DEVICE void store_global(float* p, const float (&v)[4])
{
    asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" :: "l"(p), "f"(v[0]), "f"(v[1]), "f"(v[2]), "f"(v[3]) : "memory");
}

/// A number of an Input, where clang does not see by itself that nobody writes there: where the kernel looked at the address, or computes
/// it in many steps.
#define LOAD_INPUT(type, ptx, constraint) \
    DEVICE type load_input(const type* p) \
    { \
        type v; \
        asm("{ .reg .u64 a; cvta.to.global.u64 a, %1; ld.global.nc." ptx " %0, [a]; }" : constraint(v) : "l"(p)); \
        return v; \
    }
LOAD_INPUT(float, "f32", "=f")
LOAD_INPUT(unsigned, "u32", "=r")
#undef LOAD_INPUT
DEVICE unsigned char load_input(const unsigned char* p)
{
    unsigned v;
    asm("{ .reg .u64 a; cvta.to.global.u64 a, %1; ld.global.nc.u8 %0, [a]; }" : "=r"(v) : "l"(p));
    return (unsigned char)v;
}

/// load4 of an Input as one access, whatever becomes of its parts: where they are merged with other values, clang would split it.
DEVICE float4 load4_whole(const float* p)
{
    float4 v;
    asm volatile("{ .reg .u64 a; cvta.to.global.u64 a, %4; ld.global.nc.v4.f32 {%0, %1, %2, %3}, [a]; }"
        : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "l"(p));
    return v;
}

DEVICE float4 load_input(const float4* p) { return load4_whole((const float*)p); }

/// The same index, of which the compiler knows nothing: it neither unrolls a loop over it nor keeps a pointer for each array that it
/// indexes, which both cost registers.
DEVICE int opaque(int index) { asm volatile("" : "+r"(index)); return index; }
DEVICE long long opaque(long long index) { asm volatile("" : "+l"(index)); return index; }

/// Whether all of these addresses are multiples of 16. A tensor begins at one; a view of a part of it begins anywhere.
template <typename... T>
DEVICE bool are_whole(const T*... p) { return (((unsigned long long)p | ...) & 15) == 0; }
