// Eigenvalues and eigenvectors of many small Hermitian matrices: eight at a time, one in each lane of a vector.
//
// Householder reflections make a matrix tridiagonal, implicit QL steps diagonalize that (J. H. Wilkinson, C. Reinsch,
// Handbook for Automatic Computation II, contributions II/2 and II/4), the reflections turn its vectors back. LAPACK
// does the same one matrix at a time, with overheads that exceed the arithmetic below dimension 50 or so. A lane never
// looks at the others: what a matrix gives does not depend on its neighbours.
#include "common.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#pragma GCC diagnostic ignored "-Wpsabi" // vectors are only passed to functions that are inlined

namespace {

constexpr int W = 8;          // lanes
constexpr int MOST_STEPS = 60; // QL steps for one eigenvalue
constexpr double EPSILON = 1.1102230246251565e-16;

typedef double Lanes __attribute__((vector_size(8 * W), aligned(8 * W)));
typedef int64_t Mask __attribute__((vector_size(8 * W), aligned(8 * W))); // -1: true

struct Complex {
    Lanes re, im;
};

HPCALO_INLINE Lanes magnitude(const Lanes &x) { return x < 0.0 ? -x : x; }
HPCALO_INLINE Lanes root(const Lanes &x) {
    Lanes y;
    for (int w = 0; w < W; ++w) y[w] = std::sqrt(x[w]);
    return y;
}
HPCALO_INLINE bool any(const Mask &m) {
    int64_t all = 0;
    for (int w = 0; w < W; ++w) all |= m[w];
    return all != 0;
}

struct Row {
    Lanes d, e; // of the tridiagonal matrix: e couples this row and the next
};

// Work space for N x N matrices.
struct Work {
    explicit Work(int N) : A(size_t(N) * N), V(size_t(N) * N), v(N), p(N), tau(N), T(N) {}
    std::vector<Complex> A;   // row by row; below the diagonal of column j, later the reflection j
    std::vector<Complex> V;   // column by column
    std::vector<Complex> v, p; // of the present reflection
    std::vector<Complex> tau;
    std::vector<Row> T;
};

// A = Q T Q^H with Q = H_0 H_1 ..., H_j = 1 - tau_j v_j v_j^H, from the lower half of A. v_j stays in column j.
HPCALO_INLINE void tridiagonalize(int N, Work &work) {
    Complex *A = work.A.data(), *v = work.v.data(), *p = work.p.data();
    for (int j = 0; j + 1 < N; ++j) {
        const int first = j + 1;
        const Complex alpha = A[size_t(first) * N + j];
        Lanes below = {};
        for (int i = first + 1; i < N; ++i) {
            const Complex &x = A[size_t(i) * N + j];
            below += x.re * x.re + x.im * x.im;
        }
        const Lanes norm = root(alpha.re * alpha.re + alpha.im * alpha.im + below);
        const Mask none = (below == 0.0) & (alpha.im == 0.0); // nothing to reflect
        const Lanes beta = none ? alpha.re : (alpha.re < 0.0 ? norm : -norm);
        const Lanes safe = beta == 0.0 ? Lanes{} + 1.0 : beta;
        const Lanes zero = {};
        const Complex tau = {none ? zero : (beta - alpha.re) / safe, none ? zero : -alpha.im / safe};
        const Lanes gap_re = alpha.re - beta, gap_im = alpha.im;
        const Lanes square = gap_re * gap_re + gap_im * gap_im;
        const Lanes inverse = none ? zero : 1.0 / (square == 0.0 ? Lanes{} + 1.0 : square);
        v[first] = {zero + 1.0, zero};
        for (int i = first + 1; i < N; ++i) { // x / (alpha - beta)
            const Complex x = A[size_t(i) * N + j];
            v[i] = {(x.re * gap_re + x.im * gap_im) * inverse, (x.im * gap_re - x.re * gap_im) * inverse};
            A[size_t(i) * N + j] = v[i];
        }
        work.tau[j] = tau;
        work.T[j].d = A[size_t(j) * N + j].re;
        work.T[j].e = beta;
        // p = A v over the rest of the matrix
        for (int i = first; i < N; ++i) {
            const Complex *row = A + size_t(i) * N;
            const Complex vi = v[i];
            Complex sum = {row[i].re * vi.re, row[i].re * vi.im};
            for (int k = first; k < i; ++k) {
                const Complex a = row[k];
                sum.re += a.re * v[k].re - a.im * v[k].im;
                sum.im += a.re * v[k].im + a.im * v[k].re;
                p[k].re += a.re * vi.re + a.im * vi.im;
                p[k].im += a.re * vi.im - a.im * vi.re;
            }
            p[i] = sum;
        }
        // w = tau p - (tau/2) ((tau p)^H v) v, in place of p
        Complex dot = {};
        for (int i = first; i < N; ++i) {
            const Complex x = {tau.re * p[i].re - tau.im * p[i].im, tau.re * p[i].im + tau.im * p[i].re};
            p[i] = x;
            dot.re += x.re * v[i].re + x.im * v[i].im;
            dot.im += x.re * v[i].im - x.im * v[i].re;
        }
        const Complex half = {-0.5 * (tau.re * dot.re - tau.im * dot.im), -0.5 * (tau.re * dot.im + tau.im * dot.re)};
        for (int i = first; i < N; ++i) {
            p[i].re += half.re * v[i].re - half.im * v[i].im;
            p[i].im += half.re * v[i].im + half.im * v[i].re;
        }
        for (int i = first; i < N; ++i) { // A -= v w^H + w v^H
            Complex *row = A + size_t(i) * N;
            const Complex vi = v[i], wi = p[i];
            for (int k = first; k <= i; ++k) {
                row[k].re -= vi.re * p[k].re + vi.im * p[k].im + wi.re * v[k].re + wi.im * v[k].im;
                row[k].im -= vi.im * p[k].re - vi.re * p[k].im + wi.im * v[k].re - wi.re * v[k].im;
            }
        }
    }
    work.T[N - 1].d = A[size_t(N) * N - 1].re;
    work.T[N - 1].e = Lanes{};
}

// Columns i and i + 1 of V (real) by one plane rotation in each lane that is `on`.
HPCALO_INLINE void rotate(int N, Complex *V, int i, const Lanes &c, const Lanes &s, const Mask &on) {
    Complex *left = V + size_t(i) * N, *right = left + N;
    for (int k = 0; k < N; ++k) {
        const Lanes z = left[k].re, f = right[k].re;
        right[k].re = on ? s * z + c * f : f;
        left[k].re = on ? c * z - s * f : z;
    }
}

// Diagonalizes T: eigenvalues in d, eigenvectors in the real parts of V's columns. Returns which lanes did not converge.
HPCALO_INLINE Mask diagonalize(int N, Work &work) {
    Row *T = work.T.data();
    Complex *V = work.V.data();
    for (size_t i = 0; i < work.V.size(); ++i) V[i] = {Lanes{}, Lanes{}};
    for (int i = 0; i < N; ++i) V[size_t(i) * N + i].re += 1.0;
    Mask failed = {};
    const Lanes zero = {}, one = zero + 1.0;
    for (int l = 0; l < N; ++l)
        for (int step = 0;; ++step) {
            Mask m = Mask{} + (N - 1); // T falls apart behind row m
            for (int i = N - 2; i >= l; --i)
                m = magnitude(T[i].e) <= EPSILON * (magnitude(T[i].d) + magnitude(T[i + 1].d)) ? Mask{} + i : m;
            Mask active = (m > l) & ~failed;
            if (!any(active)) break;
            if (step == MOST_STEPS) {
                failed |= active;
                break;
            }
            int last = l;
            for (int w = 0; w < W; ++w)
                if (active[w]) last = std::max(last, int(m[w]));
            const Lanes coupling = active ? T[l].e : one;
            Lanes g = (T[std::min(l + 1, N - 1)].d - T[l].d) / (2.0 * coupling);
            const Lanes r0 = root(g * g + 1.0);
            Lanes end = {}; // T[m].d
            for (int w = 0; w < W; ++w) end[w] = T[m[w]].d[w];
            g = end - T[l].d + coupling / (g + (g < 0.0 ? -r0 : r0));
            Lanes s = one, c = one, p = zero;
            Mask going = active;
            for (int i = last - 1; i >= l; --i) {
                const Mask on = going & (m > i);
                const Lanes f = s * T[i].e, b = c * T[i].e, r = root(f * f + g * g);
                T[i + 1].e = on ? r : T[i + 1].e;
                const Mask stuck = on & (r == 0.0);
                T[i + 1].d = stuck ? T[i + 1].d - p : T[i + 1].d;
                going &= ~stuck;
                const Mask turn = on & ~stuck;
                const Lanes inverse = 1.0 / (turn ? r : one);
                const Lanes sn = f * inverse, cn = g * inverse;
                const Lanes gap = T[i + 1].d - p;
                const Lanes t = (T[i].d - gap) * sn + 2.0 * cn * b;
                const Lanes q = sn * t;
                T[i + 1].d = turn ? gap + q : T[i + 1].d;
                g = turn ? cn * t - b : g;
                p = turn ? q : p;
                s = turn ? sn : s;
                c = turn ? cn : c;
                rotate(N, V, i, cn, sn, turn);
            }
            T[l].d = going ? T[l].d - p : T[l].d;
            T[l].e = going ? g : T[l].e;
            for (int w = 0; w < W; ++w)
                if (active[w]) T[m[w]].e[w] = 0.0;
        }
    return failed;
}

// V := Q V
HPCALO_INLINE void turn_back(int N, Work &work) {
    const Complex *A = work.A.data();
    for (int j = N - 2; j >= 0; --j) {
        const int first = j + 1;
        const Complex tau = work.tau[j];
        Complex *v = work.v.data();
        v[first] = {Lanes{} + 1.0, Lanes{}};
        for (int i = first + 1; i < N; ++i) v[i] = A[size_t(i) * N + j];
        for (int n = 0; n < N; ++n) {
            Complex *x = work.V.data() + size_t(n) * N;
            Complex dot = {};
            for (int i = first; i < N; ++i) {
                dot.re += v[i].re * x[i].re + v[i].im * x[i].im;
                dot.im += v[i].re * x[i].im - v[i].im * x[i].re;
            }
            const Complex f = {tau.re * dot.re - tau.im * dot.im, tau.re * dot.im + tau.im * dot.re};
            for (int i = first; i < N; ++i) {
                x[i].re -= f.re * v[i].re - f.im * v[i].im;
                x[i].im -= f.re * v[i].im + f.im * v[i].re;
            }
        }
    }
}

// The first `count` lanes of matrices H (count, N, N), of which the lower half is read; eigenvalues ascend. Returns how
// many lanes converged.
HPCALO_CLONES int solve(const cdouble *H, int count, int N, Work &work, double *E, cdouble *c) {
    for (int w = 0; w < W; ++w) {
        const cdouble *h = H + size_t(std::min(w, count - 1)) * N * N;
        for (int i = 0; i < N; ++i)
            for (int k = 0; k <= i; ++k) {
                work.A[size_t(i) * N + k].re[w] = h[size_t(i) * N + k].real();
                work.A[size_t(i) * N + k].im[w] = h[size_t(i) * N + k].imag();
            }
    }
    tridiagonalize(N, work);
    const Mask failed = diagonalize(N, work);
    turn_back(N, work);
    std::vector<int> order(N);
    int good = 0;
    for (int w = 0; w < count; ++w) {
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return work.T[a].d[w] < work.T[b].d[w]; });
        for (int n = 0; n < N; ++n) {
            E[size_t(w) * N + n] = work.T[order[n]].d[w];
            const Complex *column = work.V.data() + size_t(order[n]) * N;
            for (int i = 0; i < N; ++i)
                c[(size_t(w) * N + i) * N + n] = cdouble(column[i].re[w], column[i].im[w]);
        }
        good += !failed[w];
    }
    return good;
}

// Of H (K, N, N), of which the lower half is read: E (K, N) ascending and c (K, N, N), eigenvectors in columns. Returns
// whether all converged.
bool eigh(In<3, cdouble> H, Out<2> E, Out<3, cdouble> c) {
    const int K = H.shape(0), N = H.shape(1);
    require(int(H.shape(2)) == N && N > 0, "H: expected shape (K, N, N)");
    require(int(E.shape(0)) == K && int(E.shape(1)) == N, "E: expected shape (K, N)");
    require(int(c.shape(0)) == K && int(c.shape(1)) == N && int(c.shape(2)) == N, "c: expected shape (K, N, N)");

    nb::gil_scoped_release release;
    Work work(N);
    int good = 0;
    for (int k = 0; k < K; k += W)
        good += solve(H.data() + size_t(k) * N * N, std::min(W, K - k), N, work, E.data() + size_t(k) * N,
                      c.data() + size_t(k) * N * N);
    return good == K;
}

} // namespace

void bind_eigen(nb::module_ &m) {
    m.def("eigh", &eigh, nb::arg("H").noconvert(), nb::arg("E").noconvert(), nb::arg("c").noconvert(),
          "Writes eigenvalues and eigenvectors of Hermitian matrices to E (K, N) and c (K, N, N); whether all converged. "
          "See hpcalo.kubo.kernels.reference.eigh.");
}
