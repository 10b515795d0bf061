// Means over a box of k-points of what a sum with broadening needs of a level: 1/z and its powers, and arg z,
// with z = E - energy - i Gamma.
//
// In a box with edges s_i about its midpoint the level is taken as linear, E + sum_i a_i u_i with -1/2 <= u_i <= 1/2 and
// a_i = s_i . grad E. The mean of a function is then the third difference of its third antiderivative between the eight
// corners, over a_1 a_2 a_3; polynomials of second degree drop out of it, and what is left of all of them is a power
// of z times log z. Where z varies little in the box, moments of the box up to the fourth are used instead.
#pragma once

#include "common.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

constexpr double WIDE = 0.03;      // variance of z in a box over |z|^2, above which corners are used
constexpr double NARROWEST = 0.005; // widths along the other directions are at least this part of the largest one

// arg(x - i gamma) = -pi/2 + atan(x/gamma) in (-pi, 0), accurate where it is near 0 and where it is near -pi;
// branch-free.
HPCALO_INLINE double phase(double x, double gamma) {
    const double ax = std::fabs(x);
    const double t = (ax < gamma ? ax : gamma) / (ax < gamma ? gamma : ax);
    const bool upper = t > 0.4142135623730950488;
    const double y = upper ? (t - 1.0) / (t + 1.0) : t;
    const double z = y * y;
    const double p =
        (((-8.750608600031904122785e-1 * z - 1.615753718733365076637e1) * z - 7.500855792314704667340e1) * z -
         1.228866684490136173410e2) *
            z -
        6.485021904942025371773e1;
    const double q =
        ((((z + 2.485846490142306297962e1) * z + 1.650270098316988542046e2) * z + 4.328810604912902668951e2) * z +
         4.853903996359136964868e2) *
            z +
        1.945506571482613964425e2;
    const double a = (upper ? 0.78539816339744830962 : 0.0) + (y + y * z * p / q); // atan(t), t in [0, 1]
    const double angle = ax < gamma ? 1.57079632679489661923 - a : a;              // atan(gamma / |x|)
    return x < 0.0 ? angle - 3.14159265358979323846 : -angle;
}

// log x of a positive normal number, of a form that vectorizes: n log 2 + 2 artanh((m - 1)/(m + 1)), x = 2^n m with
// m between 1/sqrt 2 and sqrt 2.
HPCALO_INLINE double logarithm(double x) {
    int64_t bits;
    std::memcpy(&bits, &x, 8);
    const int64_t shifted = bits - 0x3fe6a09e667f3bcd; // of 1/sqrt 2
    const int64_t n = shifted >> 52;
    bits -= n * (int64_t(1) << 52);
    double m;
    std::memcpy(&m, &bits, 8);
    const double s = (m - 1.0) / (m + 1.0), t = s * s;
    double p = 1.0 / 21.0;
    for (const double c : {1.0 / 19.0, 1.0 / 17.0, 1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 0.2,
                           1.0 / 3.0, 1.0})
        p = p * t + c;
    return double(n) * 0.69314718055994530942 + 2.0 * s * p;
}

// What is needed of one level at one energy.
struct LevelMeans {
    double qr, qi, sr, si, theta; // means of 1/z, of 1/z^2 and of arg z
    double cr, ci;                // of 1/z^3, from corners only
};

// From the corners. a: widths, not all 0.
HPCALO_CLONES inline LevelMeans corner_means(double x, double gamma, const double *a) {
    const double largest = std::max({std::fabs(a[0]), std::fabs(a[1]), std::fabs(a[2])});
    double w[3];
    for (int i = 0; i < 3; ++i) w[i] = std::max(std::fabs(a[i]) / largest, NARROWEST);
    const double im = -gamma / largest, centre = x / largest;
    double qr = 0, qi = 0, sr = 0, si = 0, theta = 0, cr = 0, ci = 0;
#pragma omp simd reduction(+ : qr, qi, sr, si, theta, cr, ci)
    for (int corner = 0; corner < 8; ++corner) {
        const double first = corner & 1 ? 1.0 : -1.0, second = corner & 2 ? 1.0 : -1.0, third = corner & 4 ? 1.0 : -1.0;
        const double sign = first * second * third;
        const double re = centre + 0.5 * (first * w[0] + second * w[1] + third * w[2]);
        const double lr = 0.5 * logarithm(re * re + im * im), li = phase(re, -im);
        const double r1 = re * lr - im * li, i1 = re * li + im * lr; // z log z, z^2 log z, Im z^3 log z
        const double r2 = re * r1 - im * i1, i2 = re * i1 + im * r1;
        qr += sign * r2;
        qi += sign * i2;
        sr -= sign * r1;
        si -= sign * i1;
        theta += sign * (re * i2 + im * r2);
        cr += sign * lr;
        ci += sign * li;
    }
    const double v = 1.0 / (w[0] * w[1] * w[2]), q = 0.5 * v / largest, s = v / (largest * largest);
    const double c = 0.5 * s / largest;
    return {q * qr, q * qi, s * sr, s * si, v / 6.0 * theta, c * cr, c * ci};
}

// From the moments of the box: m2 the variance, m4 the fourth moment.
HPCALO_INLINE LevelMeans moment_means(double x, double gamma, double m2, double m4) {
    const double r = 1.0 / (x * x + gamma * gamma), a = x * r, b = gamma * r; // q = a + ib
    const double sr = a * a - b * b, si = 2.0 * a * b, fr = sr * sr - si * si, fi = 2.0 * sr * si;
    const double ur = 1.0 + m2 * sr + m4 * fr, ui = m2 * si + m4 * fi;
    const double vr = 1.0 + 3.0 * m2 * sr + 5.0 * m4 * fr, vi = 3.0 * m2 * si + 5.0 * m4 * fi;
    return {a * ur - b * ui, a * ui + b * ur, sr * vr - si * vi, sr * vi + si * vr,
            phase(x, gamma) - 0.5 * m2 * si - 0.25 * m4 * fi, 0.0, 0.0};
}
