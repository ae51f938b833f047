using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Blas;

/// <summary>Products as operations of streams and graphs, and the memory they touch, on the software GPU.</summary>
[TestFixture(null), TestFixture(1), TestFixture(2)]
sealed unsafe class BlasOrderTests(int? seed)
{
    const int Size = 8;

    SmallGpu gpu = null!;
    CudaStream first = null!, second = null!;
    Cublas blas = null!;
    DeviceBuffer<float> a = null!, b = null!, c = null!, d = null!;

    [SetUp]
    public void Open()
    {
        gpu = new SmallGpu(new SimulatedDeviceOptions { Workers = 2, ShuffleSeed = seed });
        (first, second) = (gpu.Context.CreateStream(), gpu.Context.CreateStream());
        blas = new Cublas(gpu.Context, gpu.Driver.Cublas);
        (a, b, c, d) = (Ones(), Ones(), Ones(), Ones());
    }

    [TearDown]
    public void Close()
    {
        blas.Dispose();
        gpu.Dispose();
    }

    [Test]
    public void ProductsOfTwoStreamsAreOrderedByAnEvent()
    {
        using CudaEvent done = gpu.Context.CreateEvent();
        Multiply(first, a, b, c);
        done.Record(first);
        second.Wait(done);
        Multiply(second, c, b, d);
        second.Synchronize();
        Assert.That(d.ToArray(), Is.All.EqualTo((float)Size * Size));
    }

    [Test]
    public void AMissingEventIsFound()
    {
        Multiply(first, a, b, c);
        Multiply(second, c, b, d);
        Assert.That(Fault(), Does.Contain("cublas sgemm on stream 1").And.Contain("cublas sgemm on stream 2")
            .And.Contain("nothing orders the two"));
    }

    /// <summary>Both read A and B and write results of their own; only the workspace is shared.</summary>
    [Test]
    public void AWorkspaceOfTwoStreamsIsFound()
    {
        Multiply(first, a, b, c);
        Multiply(second, a, b, d);
        gpu.Context.Synchronize();
        using DeviceBuffer<byte> workspace = gpu.Context.Allocate<byte>(1024);
        blas.SetWorkspace(workspace, 1024);
        Multiply(first, a, b, c);
        Multiply(second, a, b, d);
        Assert.That(Fault(), Does.Contain("workspace of ").And.Contain("nothing orders the two"));
    }

    /// <summary>The library forgets the workspace with a new stream, as the real one does; <see cref="Cublas"/> gives it again.</summary>
    [Test]
    public void ANewStreamTakesTheWorkspaceAway()
    {
        using DeviceBuffer<byte> workspace = gpu.Context.Allocate<byte>(1024);
        CublasApi api = gpu.Driver.Cublas;
        nint handle;
        Assert.That(api.Call.Create(&handle), Is.EqualTo(CublasStatus.Success));
        Assert.That(api.Call.SetWorkspace(handle, workspace.Pointer.Address, 1024), Is.EqualTo(CublasStatus.Success));
        foreach ((CudaStream stream, DeviceBuffer<float> result) in new[] { (first, c), (second, d) })
        {
            float one = 1, zero = 0;
            Assert.That(api.Call.SetStream(handle, stream.Handle), Is.EqualTo(CublasStatus.Success));
            Assert.That(api.Call.GemmEx(handle, CublasOperation.None, CublasOperation.None, Size, Size, Size, &one, a.Pointer.Address,
                CudaDataType.Float32, Size, b.Pointer.Address, CudaDataType.Float32, Size,
                &zero, result.Pointer.Address, CudaDataType.Float32, Size, CublasComputeType.Float32,
                CublasGemmAlgorithm.Default), Is.EqualTo(CublasStatus.Success));
        }
        gpu.Context.Synchronize();
        Assert.That(d.ToArray(), Is.All.EqualTo((float)Size));
    }

    [Test]
    public void ACapturedProductRunsWithEachReplay()
    {
        using DeviceBuffer<byte> workspace = gpu.Context.Allocate<byte>(1024);
        blas.SetWorkspace(workspace, 1024);
        using var lt = new CublasLt(gpu.Context, gpu.Driver.CublasLt);
        first.BeginCapture();
        Multiply(first, a, b, c);
        Assert.That(lt.Linear(first, c, b, a, d, Size, Size, Size, tf32: false, workspace, 1024), Is.True);
        using CudaGraph graph = first.EndCapture();
        Assert.That(gpu.Driver.Counters.ContainsKey("cublas sgemm"), Is.False);
        using CudaGraphExecutable executable = graph.Instantiate();
        for (int run = 1; run <= 3; run++)
        {
            float[] values = new float[Size * Size];
            Array.Fill(values, run);
            a.Upload(values);
            executable.Launch(first);
            first.Synchronize();
            // c = run·8, d = 8·c + bias, which is a.
            Assert.That(d.ToArray(), Is.All.EqualTo((float)(run * Size * Size) + run));
        }
        Assert.That(gpu.Driver.Counters["cublas sgemm"].Launches, Is.EqualTo(3));
        Assert.That(gpu.Driver.Counters["cublasLt matmul"].Launches, Is.EqualTo(3));
    }

    [Test]
    public void ALibraryIsNotStartedDuringACapture()
    {
        first.BeginCapture();
        CudaLibraryException error = Assert.Throws<CudaLibraryException>(() => new Cublas(gpu.Context, gpu.Driver.Cublas))!;
        Assert.That(error.Message, Does.Contain("creating a cuBLAS handle while stream 1 is being captured"));
    }

    [Test]
    public void MemoryBeyondAMatrixIsFound()
    {
        blas.Gemm(false, false, Size, Size, Size, a.Pointer + 4, Size, 0, b, Size, 0, c, Size, 0, 1, accumulate: false);
        // Row-major A is the library's B.
        Assert.That(Fault(CudaResult.IllegalAddress), Does.Contain("B of cublas sgemm").And.Contain("4 bytes past the end"));
    }

    [Test]
    public void MemoryThatWasNeverWrittenIsFound()
    {
        using DeviceBuffer<float> empty = gpu.Context.Allocate<float>(Size * Size);
        Multiply(first, a, empty, c);
        Assert.That(Fault(), Does.Contain("A of cublas sgemm on stream 1").And.Contain("never written"));
    }

    [Test]
    public void WhatIsAddedToIsReadToo()
    {
        using DeviceBuffer<float> empty = gpu.Context.Allocate<float>(Size * Size);
        blas.Gemm(false, false, Size, Size, Size, a, Size, 0, b, Size, 0, empty, Size, 0, 1, accumulate: true);
        Assert.That(Fault(), Does.Contain("D of cublas sgemm").And.Contain("never written"));
    }

    [Test]
    public void AResultOverAFactorIsFound()
    {
        Multiply(first, a, b, a);
        Assert.That(Fault(), Does.Contain("D of cublas sgemm on stream 1 overlaps B"));
    }

    /// <summary>The left half of each row of A times a matrix into the right half.</summary>
    [Test]
    public void AResultBetweenTheRowsOfAFactorIsNone()
    {
        const int half = Size / 2;
        blas.Gemm(false, false, Size, half, half, a, Size, 0, b, Size, 0, a.Pointer + (half * sizeof(float)), Size, 0, 1,
            accumulate: false);
        float[] rows = a.ToArray();
        for (int i = 0; i < rows.Length; i++)
            Assert.That(rows[i], Is.EqualTo(i % Size < half ? 1 : half));
    }

    [Test]
    public void AfterAFaultTheLibraryFailsToo()
    {
        blas.Gemm(false, false, Size, Size, Size, a.Pointer + 4, Size, 0, b, Size, 0, c, Size, 0, 1, accumulate: false);
        Fault(CudaResult.IllegalAddress);
        CudaLibraryException error = Assert.Throws<CudaLibraryException>(() => Multiply(first, a, b, c))!;
        Assert.That((error.Status, error.StatusName), Is.EqualTo(((int)CublasStatus.ExecutionFailed, "CUBLAS_STATUS_EXECUTION_FAILED")));
    }

    [Test]
    public void ARefusalSaysWhatAndWhatToDo()
    {
        CudaLibraryException error = Assert.Throws<CudaLibraryException>(() =>
            blas.Gemm(false, false, Size, Size, Size, a, Size - 1, 0, b, Size, 0, c, Size, 0, 1, accumulate: false))!;
        Assert.That(error.Message,
            Is.EqualTo("cuBLAS 12.6.4: cublasGemmEx failed: CUBLAS_STATUS_INVALID_VALUE (7). the leading dimension of B is 7; B has 8 rows "
                + "as it is stored (column-major) "
            + CublasErrors.RemedyFor(CublasStatus.InvalidValue)));
    }

    void Multiply(CudaStream stream, DevicePointer left, DevicePointer right, DevicePointer result)
    {
        blas.SetStream(stream);
        blas.Gemm(false, false, Size, Size, Size, left, Size, 0, right, Size, 0, result, Size, 0, 1, accumulate: false);
    }

    string Fault(CudaResult code = CudaResult.LaunchFailed)
    {
        CudaException error = Assert.Throws<CudaException>(gpu.Context.Synchronize)!;
        Assert.That(error.Result, Is.EqualTo(code));
        return error.Message;
    }

    DeviceBuffer<float> Ones()
    {
        float[] ones = new float[Size * Size];
        Array.Fill(ones, 1);
        return gpu.Context.Allocate<float>(ones);
    }
}
