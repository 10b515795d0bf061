// The terms of the kinetic equation on one rank's part of the wire: what its kernels have in common.
#pragma once

#include "common.hpp"

// v (np,); weights h, hd (nodes, np) of the distribution that has given moments; M on the nodes (nodes, 3); on the
// faces (nodes + 1, 3) its normalized mean mf and its slope dm_dx. a: rate at which a deviation relaxes; b: precession;
// half_j: J/2 of the force; rates of the collision gain.
struct Terms {
    const double *v, *h, *hd, *m, *mf, *dm_dx;
    long nodes, np;
    double dx, dp, a, b, half_j, inverse_tau, inverse_tau_sf;
};

// As Python makes it; holds the arrays that the terms point into.
class Medium {
    In<1> v_;
    In<2> h_, hd_, m_, mf_, turn_;
    Terms terms_;

  public:
    Medium(In<1> v, In<2> h, In<2> hd, In<2> m, In<2> mf, In<2> dm_dx, double dx, double dp, double a, double b,
           double half_j, double inverse_tau, double inverse_tau_sf)
        : v_(v), h_(h), hd_(hd), m_(m), mf_(mf), turn_(dm_dx),
          terms_{v.data(), h.data(), hd.data(), m.data(), mf.data(), dm_dx.data(), (long)m.shape(0), (long)v.shape(0),
                 dx,       dp,       a,         b,        half_j,    inverse_tau,  inverse_tau_sf} {
        const long nodes = terms_.nodes, np = terms_.np;
        require(nodes >= 1 && np >= 2, "Medium: one node and two momenta are needed");
        require(has_shape(m, {nodes, 3}) && has_shape(h, {nodes, np}) && has_shape(hd, {nodes, np}),
                "Medium: weights and M on every node");
        require(has_shape(mf, {nodes + 1, 3}) && has_shape(dm_dx, {nodes + 1, 3}), "Medium: one face more than nodes");
    }
    const Terms &terms() const { return terms_; }
};
